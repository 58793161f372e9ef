"""What several generator processes must show of themselves before a load phase may be judged: who they were, and their clocks."""

from collections.abc import Iterable

from hybridcheck.cases import Json, Reason, Undecided
from hybridcheck.evidence import Evidence, GeneratorSecond, Observation

CLOCK_LIMIT_MS = 100.0
"""How far the start of a worker's schedule may be off, and its clock wander, before the sum of the workers is another load
than the declared one: a tenth of the second by which everything is booked."""


def require_one_schedule(evidence: Evidence, stream: str, seconds: Iterable[GeneratorSecond]) -> None:
    """Several processes, each with its clock within the limit of ours from the start to the end; one is fine.

    Raises:
        Undecided: where that is not recorded, or not so.
    """
    names = {process.name for second in seconds for process in second.processes}
    if not names:
        return
    told = {str(process["name"]): process for process in _told(evidence, stream, "generator", "processes")}
    if names != told.keys():
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"not all of {len(names)} generator processes said who they are")
    remote = {name: process for name, process in told.items() if process["clock_error_ms"] is not None}
    if not remote:
        return
    compared = _told(evidence, stream, "clocks", "clocks")
    after: dict[str, dict[str, float]] = compared[0] if compared else {}
    for name, before in remote.items():
        if name not in after:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"the clock of worker {name} was not compared at the end")
        wandered_ms = abs(after[name]["offset_ms"] - before["clock_offset_ms"])
        off_ms = max(before["clock_error_ms"] + wandered_ms, after[name]["error_ms"])
        if off_ms > CLOCK_LIMIT_MS:
            text = (
                f"the clock of worker {name} may be off by {off_ms:.0f} ms, at most {CLOCK_LIMIT_MS:g} ms are allowed"
            )
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, text)


def _told(evidence: Evidence, stream: str, label: str, field: str) -> list[Json]:
    found = [record for record in evidence.all(Observation, stream=stream) if record.label == label]
    value = found[0].values.get(field, []) if found else []
    return value if isinstance(value, list) else [value]
