"""Do several instances share the work."""

from collections import Counter
from collections.abc import Iterator

from hybridcheck.cases import Budget, Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, operations, params_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence
from hybridcheck.statistics.fairness import chi_square_p_value, jain_index
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

P_LIMIT = 0.0001
JAIN_LIMIT = 0.95

PER_INSTANCE = {Budget.QUICK: 50, Budget.STANDARD: 150, Budget.FULL: 300}
"""Requests for each declared instance."""

BESIDE = 8


class ReplicasShare(ReadCheck):
    """All declared instances get their share of fresh connections.

    Sends a declared operation again and again, each time on a connection of its own, and counts who answers by the
    declared header. A declared instance that never answers is a fail: with 50 requests for each instance, chance
    leaves one out with p below 10⁻²⁰. Otherwise shares are equal when a chi-square test finds no difference
    (p ≥ 0.0001, so one healthy run in ten thousand is called unequal) or Jain's index is at least 0.95; both below is a
    fail. Balancers that pin a client to an instance by its address cannot be seen through from one address: say so in
    `not_applicable`.
    """

    id = "scaling.replicas-share"
    dimension = Dimension.SCALABILITY
    severity = Severity.MEDIUM
    remedy = "Look at the balancer's members and their health; a member that gets nothing is capacity that is paid for."
    refs = ("Jain, Chiu & Hawe 1984",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case where instances and their header are declared."""
        seen = scene.profile.observability
        found = next(((suite, op) for suite, op in operations(scene)), None)
        if seen.instance_header is None or seen.instances is None or found is None:
            yield Unmet(subject="instances", needs="observability: {instance_header: X-Instance, instances: 2}")
            return
        count = PER_INSTANCE[scene.budget] * seen.instances
        wanted = {"header": seen.instance_header, "instances": seen.instances, "requests": count}
        yield Case(check=self.id, subject=found[1].id, params={**params_of(found[1], found[0]), **wanted})

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask on fresh connections, a few at a time."""
        ask, count = ask_for(operation_in(case.params)), int(case.params["requests"])
        for first in range(0, count, BESIDE):
            numbers = range(first + 1, min(first + BESIDE, count) + 1)
            await target.together([target.read(f"ask.{number}", ask) for number in numbers])

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Who answered how often."""
        header, instances = str(case.params["header"]), int(case.params["instances"])
        expected = f"{instances} instances share fresh connections"
        exchanges = evidence.exchanges("ask")
        details = {"exchanges": tuple(e.n for e in exchanges[:1] + exchanges[-1:]), "n": len(exchanges)}
        bad = next((e for e in exchanges if e.status is None or e.status >= 400), None)
        if len(exchanges) < int(case.params["requests"]) or bad is not None:
            text = describe(bad) if bad is not None else f"{len(exchanges)} requests were recorded"
            reason = Reason.THROTTLED if bad is not None and bad.status == 429 else Reason.EVIDENCE_INCOMPLETE
            return undecided(reason, expected, text, **details)
        names = [e.response.header(header) for e in exchanges if e.response is not None]
        if not all(names):
            return undecided(Reason.NO_TEST_DATA, expected, f"answers without the header {header}", **details)
        counts = Counter(str(name) for name in names)
        text = ", ".join(f"{name[:40]}: {count}" for name, count in sorted(counts.items()))
        if len(counts) > instances:
            return undecided(Reason.TARGET_CHANGED, expected, f"{len(counts)} instances answered: {text}", **details)
        observed = [*counts.values(), *([0] * (instances - len(counts)))]
        jain = jain_index(observed) or 0.0
        p_value = chi_square_p_value(observed)
        figures = {"jain_index": jain, "p_value": p_value}
        details |= {"value": jain, "limit": JAIN_LIMIT, "method": "chi-square; Jain's index", "figures": figures}
        if len(counts) < instances:
            return failed(expected, f"{len(counts)} of {instances} ever answered: {text}", **details)
        if jain >= JAIN_LIMIT or (p_value is not None and p_value >= P_LIMIT):
            return passed(expected, text, **details)
        return failed(expected, text, **details)
