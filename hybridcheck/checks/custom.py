"""Integrators and validators of other packages, run as cases: what they claim is advisory, what they sent is evidence.

Requirement 004's sample classes work unchanged. An integrator is made with an `httpx.AsyncClient` whose every request is
recorded under its case; each of its `test_*` methods is a case. A validator is made without arguments; each of its
`validate_*` methods is a case. Both return a dict with `passed`.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, ClassVar

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.evidence import Evidence, Observation
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

CLAIM = "claim"


class ClaimedBy(ReadCheck):
    """What a class of another package claims, held against what it sent.

    A claim of success counts where at least one answer was recorded with it; without any it stays undecided. A claim of
    failure is a fail. Severity medium: it is reported, and decides only where `policy.require` names it.
    """

    dimension = Dimension.FUNCTIONAL
    severity = Severity.MEDIUM
    suite = "api"
    remedy = "Look at what the plugin says about its failure; it is code of another package."
    made_of: ClassVar[type]
    prefix: ClassVar[str]
    takes_client: ClassVar[bool]

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per method whose name begins with the prefix."""
        names = [name for name, _ in inspect.getmembers(self.made_of, inspect.isfunction)]
        found = [name for name in names if name.startswith(self.prefix)]
        for name in found:
            yield Case(check=self.id, subject=name, params={"method": name})
        if not found:
            yield Unmet(subject=self.made_of.__name__, needs=f"a method {self.prefix}* in {self.made_of.__name__}")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Make the object, await its method, and record what it claims."""
        made = self.made_of(target.client("sent")) if self.takes_client else self.made_of()
        method: Callable[[], Awaitable[Any]] = getattr(made, str(case.params["method"]))
        target.observe(CLAIM, as_claim(await method()))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Hold the claim against the exchanges."""
        claim = evidence.one(Observation, CLAIM).values
        sent = evidence.exchanges("sent")
        answered = any(exchange.response is not None for exchange in sent)
        expected = f"{self.made_of.__name__}.{case.params['method']} passes"
        numbers = tuple(exchange.n for exchange in sent[:5])
        if claim["passed"] is None:
            return undecided(
                Reason.EVIDENCE_INCOMPLETE, expected, "it claims nothing: there is no `passed` of true or false"
            )
        if claim["passed"] is False:
            return failed(expected, f"it claims a failure: {claim['said']}"[:500], exchanges=numbers, n=len(sent))
        if not answered:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "it claims success without a recorded answer")
        return passed(
            expected, f"it claims success, with {len(sent)} recorded exchanges", exchanges=numbers, n=len(sent)
        )


def as_claim(result: object) -> dict[str, Json]:
    """A method's result as a record: whether it says that it passed (None where it says nothing), and its words."""
    said = result.get("passed") if isinstance(result, dict) else None
    return {"passed": said if isinstance(said, bool) else None, "said": repr(result)[:2000]}


def check_of(name: str, made_of: type, *, validator: bool) -> type[ClaimedBy]:
    """The check that runs a class of another package, under the id `custom.NAME`."""
    kind = "validator" if validator else "integrator"
    members: dict[str, object] = {
        "__doc__": f"The {kind} {made_of.__module__}.{made_of.__qualname__} passes.\n\n{ClaimedBy.__doc__}",
        "id": f"custom.{name}",
        "made_of": made_of,
        "prefix": "validate_" if validator else "test_",
        "takes_client": not validator,
    }
    return type(f"Custom_{name}", (ClaimedBy,), members)
