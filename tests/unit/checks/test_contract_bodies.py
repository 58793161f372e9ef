"""Passive checks of bodies and headers: each finds its witness, and says nothing without having looked."""

import base64
from typing import Any

import pytest

from hybridcheck.cases import Case, Reason
from hybridcheck.checks.contract.bodies import NoNan, TrueContentType, ValidUtf8
from hybridcheck.checks.exposure.banners import NoVersionBanner
from hybridcheck.checks.headers.hygiene import NoSniff, StrictTransport
from hybridcheck.checks.witnesses import NoWitness
from hybridcheck.evidence import Body, Evidence, Exchange, Gap, GapReason, ReceivedResponse, Record, SentRequest
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import cases_of, scene, unmet_of

PROFILE = {"operations": [{"id": "x", "path": "/x", "expect": {"content_type": "application/json"}}]}
JSON = (("Content-Type", "application/json"),)
HTML = (("Content-Type", "text/html; charset=utf-8"),)


def answered(body: bytes | str, headers: Any = JSON, *, url: str = "http://target.test/x", **changes: Any) -> Exchange:
    """An exchange that was answered 200 with this body."""
    if isinstance(body, bytes):
        kept = Body(base64=base64.b64encode(body).decode(), size_bytes=len(body))
    else:
        kept = Body(text=body, size_bytes=len(body.encode()))
    response = ReceivedResponse(status=200, headers=headers, body=kept.model_copy(update=changes))
    return Exchange(n=3, label="x", request=SentRequest(method="GET", url=url), response=response, operation="x")


def judged(check: NoWitness, *records: Record, base_url: str = "http://target.test") -> Finding:
    """The finding over a run that recorded these."""
    case = next(iter(check.cases(scene(PROFILE, base_url))))
    assert isinstance(case, Case)
    return check.judge(case, Evidence((), {"*": records}))


CAUGHT: list[tuple[NoWitness, Exchange]] = [
    (NoNan(), answered('{"a": NaN}')),
    (NoNan(), answered("[1, -Infinity]", (("Content-Type", "application/problem+json"),))),
    (ValidUtf8(), answered(b'{"place": "caf\xe9"}')),
    (ValidUtf8(), answered(b"caf\xe9", (("Content-Type", "text/plain; charset=UTF-8"),))),
    (TrueContentType(), answered('{"a": 1}', HTML)),
    (TrueContentType(), answered("<html>log in</html>")),
    (NoVersionBanner(), answered("x", (("Server", "nginx/1.14.0"),))),
    (NoVersionBanner(), answered("x", (("X-Powered-By", "PHP/8.1.2"),))),
    (NoSniff(), answered("{}")),
    (NoSniff(), answered("{}", (*JSON, ("X-Content-Type-Options", "sniff")))),
]

CLEAN: list[tuple[NoWitness, Exchange]] = [
    (NoNan(), answered('{"a": "NaN", "b": null}')),
    (NoNan(), answered("NaN is not a number: broken JSON")),
    (ValidUtf8(), answered('{"place": "café"}')),
    (TrueContentType(), answered('{"a": NaN}')),
    (TrueContentType(), answered('{"a": ' + "9" * 5_000 + "}")),
    (TrueContentType(), answered("<html>{}</html>", HTML)),
    (TrueContentType(), answered("[not json] but a page", HTML)),
    (NoVersionBanner(), answered("x", (("Server", "nginx"),))),
    (NoVersionBanner(), answered("x", (("Server", "h2o (HTTP 2)"),))),
    (NoSniff(), answered("{}", (*JSON, ("X-Content-Type-Options", "NoSniff")))),
]


@pytest.mark.parametrize(("check", "exchange"), CAUGHT)
def test_one_witness_is_proof(check: NoWitness, exchange: Exchange) -> None:
    """One answer that breaks the promise fails it, gaps or not."""
    good = answered("{}", (*JSON, ("X-Content-Type-Options", "nosniff")))
    assert judged(check, good, exchange).outcome is Outcome.FAIL
    assert judged(check, exchange, Gap(n=4, reason=GapReason.LOST)).outcome is Outcome.FAIL


@pytest.mark.parametrize(("check", "exchange"), CLEAN)
def test_clean_answers_pass(check: NoWitness, exchange: Exchange) -> None:
    """What only looks like a witness is none; with a gap beside it nothing is said."""
    good = answered("{}", (*JSON, ("X-Content-Type-Options", "nosniff"), ("Content-Type", "text/html; charset=utf-8")))
    assert judged(check, good, exchange).outcome is Outcome.PASS
    finding = judged(check, good, Gap(n=4, reason=GapReason.LOST))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.EVIDENCE_INCOMPLETE)


@pytest.mark.parametrize("check", [NoNan(), ValidUtf8(), TrueContentType(), NoVersionBanner(), NoSniff()])
def test_nothing_seen_is_no_pass(check: NoWitness) -> None:
    """A run without answers shows nothing."""
    assert judged(check).outcome is Outcome.INCONCLUSIVE


def test_cut_bodies_are_not_judged() -> None:
    """Half a document is no broken document."""
    finding = judged(TrueContentType(), answered('{"a": ', complete=False))
    assert finding.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("max-age=31536000; includeSubDomains", Outcome.PASS),
        ("max-age=600", Outcome.FAIL),
        ("includeSubDomains", Outcome.FAIL),
        (None, Outcome.FAIL),
    ],
)
def test_hsts_is_long_enough(value: str | None, outcome: Outcome) -> None:
    """Half a year at least, over https."""
    headers = (("Strict-Transport-Security", value),) if value else ()
    exchange = answered("x", headers, url="https://target.test/")
    assert judged(StrictTransport(), exchange, base_url="https://target.test").outcome is outcome


def test_without_json_there_is_no_case_about_it() -> None:
    """A target that is not declared to answer JSON is asked for one operation that does."""
    assert "application/json" in unmet_of(NoNan(), {"operations": ["GET /"]})[0].needs


def test_hsts_means_nothing_over_plain_http() -> None:
    """No case, and nothing that is missing."""
    assert cases_of(StrictTransport(), {}) == []
