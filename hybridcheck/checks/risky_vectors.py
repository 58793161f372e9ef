"""Known questions that may kill: vectors as in `vectors`, between two looks at the life of the service."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from hybridcheck.cases import Case, Phase, SafetyClass, Severity, Unmet
from hybridcheck.checks import survival
from hybridcheck.checks.availability import is_silent, look_afterwards
from hybridcheck.checks.check import Scene
from hybridcheck.checks.vectors import ROUNDS, State, VectorCheck
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, Outcome


class RiskyVectorCheck(VectorCheck):
    """The base: of the abuse class; a crash comes first, and what the answers say after it.

    Its severity is that of a crash. A wrong answer, or a 500, of a service that lived on is a high one.
    """

    safety = SafetyClass.ABUSE
    phase = Phase.ABUSE
    did: ClassVar[str]
    """What the vectors do, in words ("a division by zero")."""

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per probe whose service says whether it lives."""
        for case in super().cases(scene):
            if isinstance(case, Unmet):
                yield case
                continue
            service = survival.service_of(scene.profile, case.params["operation"]["id"])
            watch = survival.watch_of(scene.profile, service)
            if watch is None:
                yield Unmet(subject=case.subject, needs=survival.needs_liveness(service))
            else:
                yield case.model_copy(update={"params": {**case.params, "watch": watch}})

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Look, send vectors until one breaks twice, and look again."""
        control = self.ask(case, case.params["vectors"][0])
        await survival.look_before(target, case.params["watch"])
        for index, vector in enumerate(case.params["vectors"]):
            ask = self.ask(case, vector)
            answers: list[Exchange] = []
            while len(answers) < ROUNDS:
                label = f"vector.{index}.{len(answers) + 1}"
                answers.append(await target.read(label, replace(ask, fresh=bool(answers))))
                await look_afterwards(target, label, answers[-1], control)
                if self.reading(case, vector, answers[-1]).state not in {State.WRONG, State.UNCLEAR}:
                    break
            if all(survival.broken(answer) for answer in answers):
                break
        await survival.look_after(target, case.params["watch"])

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """A crash where there was one; else what the answers say."""
        watch = case.params["watch"]
        suspects = [e for i in range(len(case.params["vectors"])) for e in evidence.exchanges(f"vector.{i}")]
        silent = any(is_silent(exchange) for exchange in suspects)
        if silent or survival.fate(watch, evidence) is not survival.Fate.ALIVE:
            found = survival.crash_finding(evidence, watch, self.promise, suspects, self.did)
            if found is not None:
                return found
        finding = super().judge(case, evidence)
        return finding.model_copy(update={"severity": Severity.HIGH}) if finding.outcome is Outcome.FAIL else finding
