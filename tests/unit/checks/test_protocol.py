"""Do messages travel whole, over connections that are kept and beside ones that say nothing."""

import asyncio
import json
from base64 import b64encode
from typing import Any
from urllib.parse import unquote_plus

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.protocol.connections import IdleIsolated, KeepAliveReused, said_so
from hybridcheck.checks.protocol.dialect import AnyHeaderCase, EncodingsHonoured, QueryDecoded
from hybridcheck.checks.protocol.framing import MUST_REFUSE, VECTORS, FramingStrict
from hybridcheck.checks.protocol.travelling import BodyLadder, LargeResponse, SegmentedRequest
from hybridcheck.evidence import Evidence, Failure, Observation
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

PROFILE: dict[str, Any] = {
    "operations": [
        {"id": "echo", "method": "POST", "path": "/echo", "safe": True, "body": {"value": 7}},
        {"id": "blob", "method": "POST", "path": "/blob", "safe": True, "body": {"bytes": 16}},
    ],
    "services": {"native": {"direct_url": "http://native.test"}},
    "boundaries": {
        "b": {"caller": "native", "callee": "native", "routes": [{"public": "echo", "native": "/inner/echo"}]}
    },
    "probes": {"roundtrip": {"operation": "echo", "types": ["text"]}, "large": {"operation": "blob"}},
    "exposure": {"max_body_bytes": 200_000},
}


def right(ask: Ask) -> Answer:
    """Echoes a value, or gives as many bytes as wanted."""
    document = json.loads(ask.body or b"{}")
    if ask.path == "/blob":
        return 200, {}, {"text": "x" * document["bytes"]}
    return 200, {}, {"value": document["value"]}


def outcome(finding: Finding) -> tuple[Outcome, Reason | None]:
    """Outcome and reason."""
    return finding.outcome, finding.reason


@pytest.mark.parametrize(
    "check", [BodyLadder(), SegmentedRequest(), LargeResponse(), KeepAliveReused(), IdleIsolated()]
)
def test_a_target_that_does_it_right_passes(check: Any) -> None:
    """At the public address and beside the gateway."""
    cases = cases_of(check, PROFILE)
    assert [case.params["via"] for case in cases] == (
        [None] if check.id == "protocol.large-response" else [None, "native"]
    )
    for index in range(len(cases)):
        assert finding_of(check, PROFILE, FakeTarget(right), index=index).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "check", [BodyLadder(), SegmentedRequest(), LargeResponse(), KeepAliveReused(), IdleIsolated(), FramingStrict()]
)
def test_what_is_missing_is_said(check: Any) -> None:
    """One line that would bring it in."""
    (missing,) = unmet_of(check, {})
    assert missing.needs


def cut_beyond(limit: int) -> Any:
    """A target that reads so many bytes of a body."""

    def answering(ask: Ask) -> Answer:
        if len(ask.body or b"") > limit:
            return 400, {}, {"detail": "no JSON"}
        return right(ask)

    return answering


def test_a_body_beyond_one_recv_that_is_cut_is_a_fail() -> None:
    """The smallest that shows it is named."""
    finding = finding_of(BodyLadder(), PROFILE, FakeTarget(cut_beyond(4096)))
    assert finding.outcome is Outcome.FAIL
    assert "4097 bytes" in (finding.observed or "")


def test_a_text_that_comes_back_shorter_is_a_fail() -> None:
    """Although its status is fine."""

    def answering(ask: Ask) -> Answer:
        return 200, {}, {"value": json.loads(ask.body or b"{}")["value"][:5000]}

    assert finding_of(BodyLadder(), PROFILE, FakeTarget(answering)).outcome is Outcome.FAIL


def test_a_field_with_a_limit_of_its_own_may_refuse() -> None:
    """422 is no lost byte."""

    def answering(ask: Ask) -> Answer:
        return (422, {}, {}) if len(ask.body or b"") > 50_000 else right(ask)

    assert finding_of(BodyLadder(), PROFILE, FakeTarget(answering)).outcome is Outcome.PASS


def test_nothing_is_asked_for_that_the_tester_would_cut() -> None:
    """Its own cap on answers counts as well."""
    small = {**PROFILE, "limits": {"max_body_bytes": 100_000}}
    assert max(cases_of(BodyLadder(), small)[0].params["sizes"]) == 50_000
    assert cases_of(LargeResponse(), small)[0].params["sizes"] == [1024, 50_000, 50_000]


def test_an_outage_is_no_lost_body() -> None:
    """The control is not answered afterwards either."""
    count = 0

    def answering(ask: Ask) -> Answer | Failure:
        nonlocal count
        count += 1
        return right(ask) if count == 1 else Failure.REFUSED

    assert outcome(finding_of(BodyLadder(), PROFILE, FakeTarget(answering))) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_without_a_control_a_ladder_says_nothing() -> None:
    """Not even the small body comes back."""
    target = FakeTarget(lambda _: (404, {}, {}))
    assert outcome(finding_of(BodyLadder(), PROFILE, target)) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_a_throttled_ladder_is_throttled() -> None:
    """429 says nothing about bodies."""
    count = 0

    def answering(ask: Ask) -> Answer:
        nonlocal count
        count += 1
        return right(ask) if count == 1 else (429, {}, {})

    finding = finding_of(BodyLadder(), PROFILE, FakeTarget(answering))
    assert outcome(finding) == (Outcome.INCONCLUSIVE, Reason.THROTTLED)


def test_a_body_that_is_not_waited_for_is_a_fail() -> None:
    """Only where it comes later."""
    target = FakeTarget(lambda ask: (400, {}, {}) if target.manner and target.manner.pause_s else right(ask))
    finding = finding_of(SegmentedRequest(), PROFILE, target)
    assert finding.outcome is Outcome.FAIL
    assert "later" in (finding.observed or "")


def test_once_is_flaky() -> None:
    """The second attempt was answered."""
    broken = [True]
    target = FakeTarget(
        lambda ask: (400, {}, {}) if target.manner and target.manner.pause_s and broken and broken.pop() else right(ask)
    )
    assert outcome(finding_of(SegmentedRequest(), PROFILE, target)) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


@pytest.mark.parametrize("broken", [Failure.CLOSED_EARLY, (200, {}, "too short")])
def test_an_answer_that_is_cut_at_a_slow_reader_is_a_fail(broken: Any) -> None:
    """Broken off, or complete by its framing and yet too short."""
    target = FakeTarget(lambda ask: broken if target.manner and target.manner.read_pause_s else right(ask))
    finding = finding_of(LargeResponse(), PROFILE, target)
    assert finding.outcome is Outcome.FAIL
    assert "slowly" in (finding.observed or "")


def closing_after(requests: int, *, said: bool) -> FakeTarget:
    """A target that closes each connection after so many requests."""
    count = 0

    def answering(ask: Ask) -> Answer:
        nonlocal count
        count += 1
        target.connection = 1 + (count - 1) // requests
        last = count % requests == 0
        return 200, {"Connection": "close"} if said and last else {}, {"value": 7}

    target = FakeTarget(answering)
    return target


def test_a_connection_that_is_closed_without_a_word_is_a_fail() -> None:
    """With `Connection: close` it is none."""
    assert finding_of(KeepAliveReused(), PROFILE, closing_after(10, said=False)).outcome is Outcome.FAIL
    assert finding_of(KeepAliveReused(), PROFILE, closing_after(10, said=True)).outcome is Outcome.PASS


def test_http_1_0_says_by_its_version_that_it_closes() -> None:
    """Unless it says keep-alive."""
    target = FakeTarget(lambda ask: (200, {"Connection": "keep-alive"} if ask.path == "/kept" else {}, {}))
    for path, said in (("/", True), ("/kept", False)):
        exchange = target._exchange("x", Ask("GET", path))
        assert exchange.response is not None
        old = exchange.response.model_copy(update={"http_version": "HTTP/1.0"})
        assert said_so(exchange.model_copy(update={"response": old})) is said
        assert not said_so(exchange)


def test_a_request_that_meets_a_closed_connection_is_a_fail() -> None:
    """Every tenth, in both rounds."""
    count = 0

    def answering(ask: Ask) -> Answer | Failure:
        nonlocal count
        count += 1
        return Failure.CLOSED_EARLY if count % 10 == 0 else right(ask)

    assert finding_of(KeepAliveReused(), PROFILE, FakeTarget(answering)).outcome is Outcome.FAIL


def test_an_outage_is_no_dropped_connection() -> None:
    """A fresh connection gets no answer either."""
    count = 0

    def answering(ask: Ask) -> Answer | Failure:
        nonlocal count
        count += 1
        return right(ask) if count < 5 else Failure.REFUSED

    finding = finding_of(KeepAliveReused(), PROFILE, FakeTarget(answering))
    assert outcome(finding) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


LIVING: dict[str, Any] = {
    **PROFILE,
    "services": {
        "native": {"direct_url": "http://native.test", "liveness": {"path": "/health", "uptime_s": "$.uptime_s"}}
    },
}


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    ("restarts", "expected"),
    [(False, (Outcome.FAIL, None)), (True, (Outcome.INCONCLUSIVE, Reason.TARGET_CHANGED))],
)
def test_a_restart_closes_connections_as_well(
    index: int, restarts: bool, expected: tuple[Outcome, Reason | None]
) -> None:
    """The same drops in both rounds, of a process that lived on, and of one that started anew in between."""
    started = [-100.0]
    target = FakeTarget(right)

    def answering(ask: Ask) -> Answer | Failure:
        if ask.path == "/health":
            return 200, {}, {"uptime_s": target.now_s() - started[-1]}
        asked = sum(getattr(record, "label", "").startswith("kept.") for record in target.records)
        if asked % 21 == 12:
            started.append(target.now_s() + 0.1 if restarts else started[-1])
            return Failure.RESET
        return right(ask)

    target._answering = answering
    assert outcome(finding_of(KeepAliveReused(), LIVING, target, index=index)) == expected


def test_where_no_restart_could_be_seen_it_takes_three_drops() -> None:
    """Two in a row may be of a service that starts again and again."""
    drops: list[int] = []

    def answering(ask: Ask) -> Answer | Failure:
        drops.append(0)
        return Failure.RESET if len(drops) in (12, 64) else right(ask)

    assert outcome(finding_of(KeepAliveReused(), PROFILE, FakeTarget(answering))) == (
        Outcome.INCONCLUSIVE,
        Reason.FLAKY,
    )


def test_connections_that_hold_up_others_are_a_fail() -> None:
    """A serial accept loop waits for the first, and answers when it has gone."""
    target = FakeTarget(lambda ask: Failure.READ_TIMEOUT if target.held else right(ask))
    finding = finding_of(IdleIsolated(), PROFILE, target)
    assert finding.outcome is Outcome.FAIL
    assert "beside 1 idle" in (finding.observed or "")


def test_only_half_a_request_may_hold_up_others() -> None:
    """Idle ones do not; ten are needed."""
    target = FakeTarget(lambda ask: Failure.READ_TIMEOUT if target.held == (10, True) else right(ask))
    finding = finding_of(IdleIsolated(), PROFILE, target)
    assert finding.outcome is Outcome.FAIL
    assert "10 half-sent" in (finding.observed or "")


def test_a_service_that_is_gone_afterwards_too_is_no_question_of_idle_ones() -> None:
    """It may have ended for another reason."""
    gone: list[bool] = []

    def answering(ask: Ask) -> Answer | Failure:
        if target.held:
            gone.append(True)
        return Failure.REFUSED if gone else right(ask)

    target = FakeTarget(answering)
    assert outcome(finding_of(IdleIsolated(), PROFILE, target)) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


REFUSED, TAKEN = b"HTTP/1.1 400 Bad Request\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n{}"


def framed(answering: Any) -> Finding:
    """The finding for a target that answers raw requests so."""
    target = FakeTarget(right)
    target.raw_answering = answering
    (case,) = cases_of(FramingStrict(), PROFILE)
    assert case.params["via"] == "native"
    return finding_of(FramingStrict(), PROFILE, target)


def test_strict_framing_passes() -> None:
    """All are refused and closed."""
    assert framed(lambda _: (REFUSED, "by_target")).outcome is Outcome.PASS


@pytest.mark.parametrize("vector", VECTORS)
def test_each_vector_that_is_taken_is_a_fail(vector: str) -> None:
    """And named."""
    marks = {
        "two different lengths": b"Content-Length: 0\r\n", "a list of lengths": b", 0", "a length with a sign": b"+",
        "a length with an underscore": b"1_", "a blank before the colon": b"Length :", "an unknown transfer coding": b"xch",
        "a chunk size in C notation": b"0x", "a length and chunks": b"Transfer-Encoding: chunked\r\n\r\nc",
    }  # fmt: skip
    finding = framed(lambda payload: (TAKEN, "deadline") if marks[vector] in payload else (REFUSED, "by_target"))
    assert finding.outcome is Outcome.FAIL
    assert (finding.observed or "").startswith(vector)


def test_a_length_beside_chunks_may_be_taken_and_closed() -> None:
    """RFC 9112 §6.1 leaves it that."""
    finding = framed(lambda payload: (TAKEN if b" chunked\r\n\r\nc" in payload else REFUSED, "by_target"))
    assert finding.outcome is Outcome.PASS


def test_silence_is_no_refusal() -> None:
    """Nor is it proof."""
    assert outcome(framed(lambda _: (b"", "deadline"))) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_the_public_address_is_used_only_where_it_is_declared() -> None:
    """Then both are."""
    declared = {**PROFILE, "probes": {"framing": {"operation": "echo"}}}
    assert [case.params["via"] for case in cases_of(FramingStrict(), declared)] == [None, "native"]
    assert len(MUST_REFUSE) < len(VECTORS)


QUERY: dict[str, Any] = {
    "operations": [{"id": "query", "path": "/query"}],
    "probes": {"query": {"operation": "query"}},
}


def queried(read: Any) -> Finding:
    """The finding for a target that reads the value so."""
    target = FakeTarget(lambda ask: (200, {}, {"text": read(dict(ask.query)["text"])}))
    return finding_of(QueryDecoded(), QUERY, target)


def test_a_query_that_is_decoded_twice_is_a_fail() -> None:
    """Or read as Latin-1; as it was sent, it passes."""
    assert queried(str).outcome is Outcome.PASS
    assert queried(unquote_plus).outcome is Outcome.FAIL
    assert queried(lambda text: text.encode().decode("latin-1")).outcome is Outcome.FAIL
    assert unmet_of(QueryDecoded(), {})[0].needs.startswith("probes: {query: ")


def test_header_names_in_another_case_have_to_be_known() -> None:
    """A target that knows them as written only takes the body for another type."""

    def exact(ask: Ask) -> Answer:
        return right(ask) if "Content-Type" in dict(ask.headers) else (415, {}, {})

    assert finding_of(AnyHeaderCase(), PROFILE, FakeTarget(right)).outcome is Outcome.PASS
    assert finding_of(AnyHeaderCase(), PROFILE, FakeTarget(exact)).outcome is Outcome.FAIL


def encoding(
    ask: Ask, *, as_it_is: Answer, gzipped_body: Answer, gzip: Answer | Failure, identity: Answer
) -> Answer | Failure:
    """An answer for each of the four requests."""
    if "Accept-Encoding" not in dict(ask.headers) and "Content-Encoding" not in dict(ask.headers):
        return as_it_is
    if dict(ask.headers).get("Content-Encoding") == "gzip":
        return gzipped_body
    return gzip if dict(ask.headers)["Accept-Encoding"] == "gzip" else identity


GOOD: Answer = (200, {}, {"value": 7})


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, Outcome.PASS),
        ({"gzipped_body": GOOD}, Outcome.PASS),
        ({"gzipped_body": (500, {}, {})}, Outcome.FAIL),
        ({"gzip": Failure.DECODING}, Outcome.FAIL),
        ({"identity": (200, {"Content-Encoding": "br"}, {"value": 7})}, Outcome.FAIL),
        ({"as_it_is": (401, {}, {})}, Outcome.INCONCLUSIVE),
    ],
)
def test_encodings(answers: dict[str, Any], expected: Outcome) -> None:
    """A body in gzip may be refused or read; nothing may break or be mislabelled."""
    given = {"as_it_is": GOOD, "gzipped_body": (415, {}, {}), "gzip": GOOD, "identity": GOOD, **answers}
    finding = finding_of(EncodingsHonoured(), PROFILE, FakeTarget(lambda ask: encoding(ask, **given)))
    assert finding.outcome is expected


def up_to(limit: int, status: int) -> FakeTarget:
    """A target that refuses larger bodies."""
    return FakeTarget(lambda ask: (status, {}, {}) if len(ask.body or b"") > limit else right(ask))


def test_a_limit_that_nobody_declared_is_no_lost_body() -> None:
    """64 KiB is a common one; where more is declared, the same answer is a fail."""
    undeclared = {**PROFILE, "exposure": {}}
    assert finding_of(BodyLadder(), undeclared, up_to(64 * 1024, 413)).outcome is Outcome.PASS
    assert finding_of(BodyLadder(), PROFILE, up_to(64 * 1024, 413)).outcome is Outcome.FAIL


def test_a_ladder_that_is_refused_from_its_second_rung_on_shows_nothing() -> None:
    """No body beyond the control arrived."""
    finding = finding_of(BodyLadder(), PROFILE, up_to(100, 422))
    assert outcome(finding) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_an_answer_that_is_no_text_is_read_as_well() -> None:
    """Bytes that are no UTF-8 are kept as base64: a success among them is one."""
    target = FakeTarget(right)
    target.raw_answering = lambda _: (TAKEN, "deadline")
    (case,) = cases_of(FramingStrict(), PROFILE)
    asyncio.run(FramingStrict().probe(case, target))
    kept = [
        record.model_copy(
            update={"values": {"received_base64": b64encode(TAKEN + b"\xff").decode(), "ended": "deadline"}}
        )
        if isinstance(record, Observation)
        else record
        for record in target.records
    ]
    assert FramingStrict().judge(case, Evidence(tuple(kept), {})).outcome is Outcome.FAIL


def test_a_refusal_before_a_reset_is_one() -> None:
    """A server that closes without having read everything resets the connection; one that is gone has refused nothing."""
    assert framed(lambda _: (REFUSED, "failed")).outcome is Outcome.PASS
    assert outcome(framed(lambda _: (b"", "failed"))) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)
