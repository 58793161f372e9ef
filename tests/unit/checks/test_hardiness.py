"""Does a service live through bad input and clients that go away, and are its indices checked."""

import json
from typing import Any

import pytest

from hybridcheck.cases import Reason, Severity, Undecided
from hybridcheck.checks.hardiness.bounds import IndexBounds
from hybridcheck.checks.hardiness.inputs import BadInput, ClientAbort, bad_bodies
from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

LIVENESS = {"path": "/health", "uptime_s": "$.uptime_s"}
OPERATION = {"id": "sum", "method": "POST", "path": "/sum", "safe": True, "body": {"values": [1, 2]}}
PAGE = {"id": "page", "method": "POST", "path": "/page", "safe": True, "body": {"offset": 0, "limit": 5}}
PROFILE: dict[str, Any] = {
    "services": {"native": {"liveness": LIVENESS, "operations": [OPERATION, PAGE]}},
    "probes": {"paged": {"operation": "page"}},
}
ROWS = [{"id": number} for number in range(4)]


class Native:
    """A service with an uptime; `dies_of` says which request ends it, and it comes back at once."""

    def __init__(self, dies_of: Any = None) -> None:
        self.dies_of = dies_of
        self.started_s = -100.0
        self.target = FakeTarget(self.answer)

    def answer(self, ask: Ask) -> Answer | Failure:
        """Health, or the operation."""
        if ask.path == "/health":
            return 200, {}, {"uptime_s": self.target.now_s() - self.started_s}
        if self.dies_of is not None and self.dies_of(ask):
            self.started_s = self.target.now_s() + 0.01
            return Failure.RESET
        try:
            document = json.loads(ask.body or b"")
        except ValueError:
            return 400, {}, {}
        good = isinstance(document, dict) and document.get("values") == [1, 2]
        return (200, {}, {"sum": 3}) if good or ask.path == "/page" else (422, {}, {})


def verdict_of(check: Any, native: Native) -> tuple[Outcome, Reason | None]:
    """Outcome and reason of the one case."""
    finding: Finding = finding_of(check, PROFILE, native.target)
    return finding.outcome, finding.reason


@pytest.mark.parametrize("check", [BadInput(), ClientAbort()])
def test_a_service_that_lives_on_passes(check: Any) -> None:
    """Whatever it answers."""
    assert verdict_of(check, Native())[0] is Outcome.PASS


@pytest.mark.parametrize("check", [BadInput(), ClientAbort()])
def test_a_service_without_liveness_is_unexamined(check: Any) -> None:
    """With the line that would declare one."""
    (missing,) = unmet_of(check, {})
    assert "liveness" in missing.needs
    crossed = {
        "services": {"native": {"operations": [OPERATION]}},
        "boundaries": {"b": {"caller": "native", "callee": "native", "routes": [{"public": "sum"}]}},
    }
    assert next(unmet.needs for unmet in unmet_of(check, crossed)).startswith("services: {native: ")


def test_bad_input_that_ends_the_service_is_a_fail() -> None:
    """A reset and a restart."""
    native = Native(dies_of=lambda ask: (ask.body or b"").endswith(b'"x"]}'))
    finding = finding_of(BadInput(), PROFILE, native.target)
    assert finding.outcome is Outcome.FAIL
    assert finding.figures["signature"] == "CRASH"


def test_a_reset_without_a_restart_is_a_suspicion() -> None:
    """One of the two observations."""
    native = Native(dies_of=lambda ask: (ask.body or b"") == b"{")
    native.target._answering = lambda ask: Failure.RESET if (ask.body or b"") == b"{" else native.answer(ask)
    assert verdict_of(BadInput(), native) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_bad_input_at_the_wrong_door_shows_nothing() -> None:
    """The control was refused."""
    native = Native()
    native.target._answering = lambda ask: (401, {}, {}) if ask.path != "/health" else native.answer(ask)
    assert verdict_of(BadInput(), native) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_bad_bodies_keep_the_other_members() -> None:
    """Each member in turn, by JSON tokens and by what is none."""
    (case, *_) = cases_of(BadInput(), PROFILE)
    bodies = bad_bodies(case.params["at"][1])
    assert '{"offset": 1e400, "limit": 5}' in bodies
    assert '{"offset": 0, "limit": NaN}' in bodies


def aborted(native: Native, cut: int) -> Finding:
    """The finding where aborts end the service."""
    native.target.cut = cut
    real = native.target.abort

    async def abort(label: str, ask: Ask, *, times: int, most_s: float) -> None:
        await real(label, ask, times=times, most_s=most_s)
        native.started_s = native.target.now_s() + 0.01

    native.target.abort = abort  # type: ignore[method-assign]
    return finding_of(ClientAbort(), PROFILE, native.target)


def test_an_abort_that_ends_the_service_is_a_fail() -> None:
    """Connections that were held beside were cut, and it has restarted."""
    finding = aborted(Native(), cut=2)
    assert finding.outcome is Outcome.FAIL
    assert finding.figures["signature"] == "CRASH"


def test_a_restart_beside_aborts_is_a_suspicion() -> None:
    """Nothing else was cut."""
    finding = aborted(Native(), cut=0)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def paging(part: Any) -> FakeTarget:
    """A target that gives parts of the list."""

    def answering(ask: Ask) -> Answer:
        if ask.path == "/health":
            return 200, {}, {"uptime_s": 100.0}
        wanted = json.loads(ask.body or b"{}")
        rows = part(wanted["offset"], wanted["limit"])
        return (422, {}, {}) if rows is None else (200, {}, {"items": rows})

    return FakeTarget(answering)


def checked(offset: int, limit: int) -> list[dict[str, int]] | None:
    """As it should be."""
    return ROWS[offset : offset + limit] if offset >= 0 and limit > 0 else None


BEYOND = [*ROWS, {"id": 66}, {"id": 67}, {"id": 68}, {"id": 69}]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (checked, Outcome.PASS),
        (lambda offset, limit: checked(max(offset, 0), max(limit, 0)) or [], Outcome.PASS),
        (lambda offset, limit: BEYOND[offset : offset + limit] if offset in range(9) and limit == 3 else checked(offset, limit), Outcome.FAIL),
        (lambda offset, limit: ROWS[-1:] if offset == -1 else checked(offset, limit), Outcome.FAIL),
        (lambda offset, limit: ROWS[:1] if offset >= 2**31 else checked(offset, limit), Outcome.FAIL),
        (lambda _, __: [], Outcome.INCONCLUSIVE),
    ],
    ids=["refused", "clamped", "memory behind", "from the end", "wrapped", "empty list"],
)  # fmt: skip
def test_indices(part: Any, expected: Outcome) -> None:
    """A refusal, an empty part and the list itself are good; anything else is not."""
    assert finding_of(IndexBounds(), PROFILE, paging(part)).outcome is expected


def test_a_server_error_beyond_the_list_is_a_fail_and_an_outage_is_not() -> None:
    """The list itself is answered between, or not."""
    down: list[bool] = []

    def answering(ask: Ask, *, stays: bool) -> Answer:
        if ask.path == "/health":
            return 200, {}, {"uptime_s": 100.0}
        wanted = json.loads(ask.body or b"{}")
        if wanted["offset"] > len(ROWS) or (stays and down):
            down.append(True)
            return 500, {}, {}
        return 200, {}, {"items": checked(wanted["offset"], wanted["limit"]) or []}

    handled = finding_of(IndexBounds(), PROFILE, FakeTarget(lambda a: answering(a, stays=False)))
    assert (handled.outcome, handled.severity) == (Outcome.FAIL, Severity.HIGH), "an error that was handled"
    down.clear()
    outage = finding_of(IndexBounds(), PROFILE, FakeTarget(lambda a: answering(a, stays=True)))
    assert (outage.outcome, outage.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_an_index_that_ends_the_service_is_critical() -> None:
    """Two observations: a connection that broke, and a start after the first look; one alone is of high severity."""
    started, dies = [-100.0], [True]

    def answering(ask: Ask) -> Answer | Failure:
        if ask.path == "/health":
            return 200, {}, {"uptime_s": target.now_s() - started[-1]}
        wanted = json.loads(ask.body or b"{}")
        if wanted["offset"] < 2**31:
            return 200, {}, {"items": checked(wanted["offset"], wanted["limit"]) or []}
        started.append(target.now_s() + 0.01 if dies[-1] else started[0])
        return Failure.RESET

    for ends, severity in ((True, None), (False, Severity.HIGH)):
        started, dies = [-100.0], [ends]
        target = FakeTarget(answering)
        found = finding_of(IndexBounds(), PROFILE, target)
        assert (found.outcome, found.severity) == (Outcome.FAIL, severity), found.observed


def test_a_list_longer_than_one_page_shows_nothing() -> None:
    """A target that gives at most four rows a page: what stands beyond the first page belongs to the list."""
    many = [{"id": number} for number in range(9)]
    capped = paging(lambda offset, limit: many[offset : offset + min(limit, 4)] if offset >= 0 < limit else None)
    finding = finding_of(IndexBounds(), PROFILE, capped)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_a_list_without_end_is_a_fail() -> None:
    """Three rows a page, whatever the offset: no list has 2^31 rows."""
    memory = [{"id": number} for number in range(9)]
    wrapping = paging(lambda offset, limit: [memory[i % 9] for i in range(offset, offset + max(0, min(limit, 3)))])
    finding = finding_of(IndexBounds(), PROFILE, wrapping)
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, None), "as severe as the check can find"
    assert "beyond the end of every list" in finding.observed


@pytest.mark.parametrize(("status", "reason"), [(429, Reason.THROTTLED), (401, Reason.AUTH_NOT_EFFECTIVE)])
def test_a_refused_caller_is_no_checked_index(status: int, reason: Reason) -> None:
    """After the list had been read the target refused the tester, not the index."""
    asked: list[Ask] = []

    def answering(ask: Ask) -> Answer:
        if ask.path == "/health":
            return 200, {}, {"uptime_s": 100.0}
        asked.append(ask)
        wanted = json.loads(ask.body or b"{}")
        return (200, {}, {"items": checked(wanted["offset"], wanted["limit"])}) if len(asked) < 4 else (status, {}, {})

    finding = finding_of(IndexBounds(), PROFILE, FakeTarget(answering))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, reason)


def test_bad_input_that_never_got_in_shows_nothing() -> None:
    """A limit of requests per second answers nearly all of it."""

    def answering(ask: Ask) -> Answer:
        if ask.path == "/health":
            return 200, {}, {"uptime_s": 100.0}
        return (200, {}, {}) if json.loads(ask.body or b"0") in (OPERATION["body"], PAGE["body"]) else (429, {}, {})

    class Limited(Native):
        def answer(self, ask: Ask) -> Answer | Failure:
            try:
                return answering(ask)
            except ValueError:
                return 429, {}, {}

    with pytest.raises(Undecided) as caught:
        verdict_of(BadInput(), Limited())
    assert caught.value.reason is Reason.THROTTLED
