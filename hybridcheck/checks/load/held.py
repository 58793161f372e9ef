"""Users whom the tester's own `limits.max_rps` holds back: what the target could give beyond that, nobody knows."""

from hybridcheck.cases import Case, Reason
from hybridcheck.checks.load.phases import SATURATED_SHARE, Phase
from hybridcheck.evidence import Evidence, GeneratorSecond
from hybridcheck.verdict import Finding, Outcome, undecided


def unless_held(finding: Finding, case: Case, phase: Phase, evidence: Evidence) -> Finding:
    """A finding about throughput: a fail stands only where our own limit had no part in most of it."""
    if finding.outcome is not Outcome.FAIL:
        return finding
    own = [r for r in evidence.all(GeneratorSecond, stream=str(case.params["stream"])) if r.second in phase.seconds]
    held = sum(record.held > 0 for record in own)
    if held <= SATURATED_SHARE * len(own):
        return finding
    text = f"{finding.observed}, but limits.max_rps held users back in {held} of {len(own)} seconds"
    return undecided(Reason.GENERATOR_SATURATED, finding.expected, text)
