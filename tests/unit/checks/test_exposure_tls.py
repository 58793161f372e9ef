"""The way to the target: certificates by what the handshake shows, plain http by its effect."""

import asyncio
from typing import Any

import pytest

from hybridcheck.cases import Case, Reason
from hybridcheck.checks.exposure.tls import TlsValid
from hybridcheck.evidence import Evidence, Failure, TlsRecord
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import FakeTarget, scene

NOW_S = 1_800_000_000.0
DAY_S = 86_400.0


class Shaking(FakeTarget):
    """A target whose handshakes show these things, one after the other; the last one again and again."""

    def __init__(self, *shown: dict[str, Any]) -> None:
        super().__init__(lambda _: (200, {}, b""))
        self.shown = list(shown)

    async def handshake(self, label: str) -> TlsRecord:
        """The next handshake."""
        found = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        good = {"version": "TLSv1.3", "not_after_unix_s": NOW_S + 90 * DAY_S, "checked_unix_s": NOW_S}
        return self._record(TlsRecord.model_validate({"label": label, "host": "x", "port": 443, **good, **found}))


def judged(base_url: str, target: FakeTarget) -> Finding:
    """The finding for a target at this address."""
    check = TlsValid()
    (case,) = check.cases(scene({}, base_url))
    assert isinstance(case, Case)
    asyncio.run(check.probe(case, target))
    return check.judge(case, Evidence(tuple(target.records), {}))


def test_a_valid_certificate_passes() -> None:
    """Ninety days left are enough."""
    finding = judged("https://target.test", Shaking({}))
    assert finding.outcome is Outcome.PASS
    assert "90 days left" in finding.observed


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"failure": Failure.TLS_UNTRUSTED}, "not trusted"),
        ({"failure": Failure.TLS_HOSTNAME}, "another host"),
        ({"failure": Failure.TLS_EXPIRED}, "expired"),
        ({"not_after_unix_s": NOW_S + 2 * DAY_S}, "2.0 days left, fewer than 7"),
    ],
)
def test_an_invalid_certificate_fails_twice(shown: dict[str, Any], words: str) -> None:
    """Issuer, name, time, and days left."""
    finding = judged("https://target.test", Shaking(shown))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 2)
    assert words in finding.observed


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ([{"failure": Failure.REFUSED}], Reason.SUSPECTED),
        ([{"failure": Failure.TLS_HANDSHAKE}], Reason.SUSPECTED),
        ([{"failure": Failure.TLS_EXPIRED}, {}], Reason.FLAKY),
    ],
)
def test_no_handshake_says_nothing_about_the_certificate(shown: list[dict[str, Any]], reason: Reason) -> None:
    """A refused connection, and a certificate that is bad once of two times."""
    finding = judged("https://target.test", Shaking(*shown))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, reason)


def test_plain_http_is_judged_by_its_effect() -> None:
    """Answered is a fail; redirected to https, or not answered, is none."""
    assert judged("http://api.test", FakeTarget(lambda _: (404, {}, {}))).outcome is Outcome.FAIL
    to_https = FakeTarget(lambda _: (308, {"Location": "https://api.test/"}, b""))
    assert judged("http://api.test", to_https).outcome is Outcome.PASS
    to_http = FakeTarget(lambda _: (302, {"Location": "http://api.test/x"}, b""))
    assert judged("http://api.test", to_http).outcome is Outcome.FAIL


def test_a_redirect_of_the_root_does_not_excuse_operations_over_plain_http() -> None:
    """The declared read is asked, not only the start page: it is what carries the data."""
    profile = {"operations": ["GET /orders"]}
    only_root = FakeTarget(
        lambda ask: (308, {"Location": "https://api.test/"}, b"") if ask.path == "/" else (200, {}, {})
    )
    case = next(iter(TlsValid().cases(scene(profile, "http://api.test"))))
    assert isinstance(case, Case)
    asyncio.run(TlsValid().probe(case, only_root))
    assert TlsValid().judge(case, Evidence(tuple(only_root.records), {})).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (Failure.REFUSED, Outcome.PASS),
        (Failure.DNS, Outcome.INCONCLUSIVE),
        (Failure.READ_TIMEOUT, Outcome.INCONCLUSIVE),
    ],
)
def test_a_closed_port_is_a_pass_and_silence_is_none(failure: Failure, outcome: Outcome) -> None:
    """Refused is an answer of a kind; a timeout may be a slow moment."""
    assert judged("http://api.test", FakeTarget(lambda _: failure)).outcome is outcome


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:9/"])
def test_plain_http_on_loopback_has_no_case(base_url: str) -> None:
    """Nobody listens there, and nothing is missing."""
    assert list(TlsValid().cases(scene({}, base_url))) == []
