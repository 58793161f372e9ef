"""Does a listener see that a stream broke off in the middle."""

from hybridcheck.cases import Case, Reason, Undecided
from hybridcheck.checks.streams.listening import (
    StreamCheck,
    ask_to_listen,
    described,
    is_end,
    judge_listens,
    listen_until_good,
    spec_in,
    usable_ticks,
)
from hybridcheck.evidence import Evidence, StreamRecord
from hybridcheck.profile.operations import StreamSpec
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding


class FailureVisible(StreamCheck):
    """A stream that fails in the middle does not end as if it were complete.

    Opens each stream that declares how to make it fail (`failing`) and its `total`. Fewer events than that, and then
    the declared `end_event`, or where none is declared a proper end (the last chunk of an HTTP body, a WebSocket closed
    with 1000), two times of two, is a fail: a listener takes a part for the whole. A cut, an error code, or an end
    without the declared `end_event` is a pass.
    """

    id = "streams.failure-visible"
    remedy = (
        "Where the source of a stream fails, cut the body off or close with 1011; send the end event only after all."
    )
    refs = ("RFC 9112 §8", "RFC 6455 §7.4.1")

    def lacks(self, spec: StreamSpec) -> str:
        """`failing` and `total`."""
        given = (('failing: {fail_after: "5"}', spec.failing), ("total: 20", spec.total))
        return ", ".join(text for text, value in given if not value)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Listen to the stream that fails, and once more where it says nothing of that."""
        spec = spec_in(case)
        ask = ask_to_listen(case, query=spec.failing)
        await listen_until_good(target, "probe", case, lambda record: self.complaint(record, spec), ask)

    def complaint(self, record: StreamRecord, spec: StreamSpec) -> str | None:
        """How it hides that events are missing."""
        count, total = len(usable_ticks(record, spec, 1)), spec.total or 0
        if count >= total:
            raise Undecided(Reason.NO_TEST_DATA, f"it did not fail: {described(record)}")
        if any(is_end(event, record.protocol, spec) for event in record.events):
            return f"'{spec.end_event}' after {count} of {total} events"
        if record.ended == "abnormal" or (record.ended == "by_target" and spec.end_event is not None):
            return None
        if record.ended == "by_target" and count == len(record.events):
            return f"a proper end after {count} of {total} events"
        raise Undecided(
            Reason.SUSPECTED, f"{count} of {total} events, and no end that can be told: {described(record)}"
        )

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look at the end."""
        spec = spec_in(case)
        expected = f"{spec.path} does not end as if it were complete where it fails before its {spec.total} events"
        return judge_listens(evidence, "probe", expected, lambda record: self.complaint(record, spec))
