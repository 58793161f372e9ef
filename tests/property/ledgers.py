"""Ledgers made by hand: a plan, streams of records, and the seals that the executor and the ledger would write."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hybridcheck.cases import (
    Case,
    CoreQuestion,
    Dimension,
    Group,
    Phase,
    PlannedCase,
    SafetyClass,
    Severity,
)
from hybridcheck.evidence import (
    RUN_STREAM,
    Body,
    CaseEnd,
    Exchange,
    Failure,
    ReceivedResponse,
    Record,
    RunCause,
    RunEnd,
    RunStart,
    SentRequest,
)

STARTED = "2026-03-04T05:06:07Z"


def planned(check: str, subject: str = "x", **changes: Any) -> PlannedCase:
    """A required case; `params` and `shared` go to the case itself."""
    case = Case(check=check, subject=subject, params=changes.pop("params", {}), shared=tuple(changes.pop("shared", ())))
    fields: dict[str, Any] = {
        "group": Group.REQUIRED,
        "phase": Phase.READ,
        "safety": SafetyClass.READ,
        "dimension": Dimension.FUNCTIONAL,
        "severity": Severity.HIGH,
    }
    return PlannedCase(case=case, **{**fields, **changes})


def answering_all_core_questions(cases: Sequence[PlannedCase]) -> tuple[PlannedCase, ...]:
    """The cases with the core questions dealt out among them, round and round."""
    questions = list(CoreQuestion)
    return tuple(
        case.model_copy(update={"core": questions[number % len(questions)]}) for number, case in enumerate(cases)
    )


def start(plan: Iterable[PlannedCase], **changes: Any) -> RunStart:
    """The first record of a run with this plan."""
    fields: dict[str, Any] = {
        "tool_version": "1",
        "run_id": "r1",
        "started_utc": STARTED,
        "seed": 1,
        "budget": "quick",
        "scoped": False,
        "target": "t",
        "base_url": "http://127.0.0.1:1",
        "environment": "local",
        "profile": {"version": 1, "name": "p"},
        "catalogue": 1,
        "plan": tuple(plan),
    }
    return RunStart(**{**fields, **changes})


def exchange(label: str, status: int | Failure = 200, text: str = "ok", **changes: Any) -> Exchange:
    """An answered exchange, or one that failed."""
    request = SentRequest(method="GET", url="http://127.0.0.1:1/x")
    if isinstance(status, Failure):
        return Exchange(label=label, request=request, failure=status, **changes)
    body = Body(text=text, size_bytes=len(text.encode()))
    return Exchange(label=label, request=request, response=ReceivedResponse(status=status, body=body), **changes)


def lines_of(
    first: RunStart,
    streams: Mapping[str, Sequence[Record]],
    *,
    cause: RunCause = RunCause.COMPLETED,
    unsealed: Iterable[str] = (),
) -> list[bytes]:
    """The lines of a ledger: the streams one after the other, each with its end (but for the unsealed)."""
    records: list[Record] = [first.model_copy(update={"stream": RUN_STREAM})]
    for stream, own in streams.items():
        records += [record.model_copy(update={"stream": stream}) for record in own]
        if stream not in unsealed and stream != RUN_STREAM:
            records.append(CaseEnd(stream=stream, records=len(own), duration_s=0.25))
    records.append(RunEnd(stream=RUN_STREAM, records=len(records), cause=cause, ended_utc="2026-03-04T05:06:09Z"))
    return [
        record.model_copy(update={"n": number}).model_dump_json().encode() + b"\n"
        for number, record in enumerate(records)
    ]
