"""Users whom the tester's own `limits.max_rps` holds back: what the target could give beyond that, nobody knows."""

from collections.abc import Collection, Sequence

from hybridcheck.cases import Case, Reason
from hybridcheck.checks.load.phases import SATURATED_SHARE, Phase
from hybridcheck.evidence import Evidence, GeneratorSecond
from hybridcheck.verdict import Finding, Outcome, undecided


def unless_held(finding: Finding, case: Case, phase: Phase, evidence: Evidence) -> Finding:
    """A finding about throughput: a fail stands only where our own limit had no part in most of it."""
    if finding.outcome is not Outcome.FAIL:
        return finding
    held = held_back(evidence.all(GeneratorSecond, stream=str(case.params["stream"])), phase.seconds.keys())
    if not held:
        return finding
    return undecided(Reason.GENERATOR_SATURATED, finding.expected, f"{finding.observed}, but {held}")


def held_back(health: Sequence[GeneratorSecond], seconds: Collection[int]) -> str:
    """In words, where our own limit held users back in too many of these seconds; empty where it did not."""
    own = [record for record in health if record.second in seconds]
    held = sum(record.held > 0 for record in own)
    return (
        f"limits.max_rps held users back in {held} of {len(own)} seconds" if held > SATURATED_SHARE * len(own) else ""
    )
