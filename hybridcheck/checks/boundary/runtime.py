"""Is a service built on the runtime that it is declared to be built on."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, json_body, operation_in, params_of
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import Operation
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding

WHERE = "$.runtime"


class RuntimeDeclared(ReadCheck):
    """A service says of itself that it runs on the declared runtime.

    Asks the declared `runtime_path`, as the identity of the operation that lives there if one does, and compares
    the first word of `$.runtime` in the answer ("native-standin (C)") with the service's `runtime`. Another one, three
    times of three, is a fail: figures of an emulation say nothing about the compiled service.
    """

    id = "boundary.runtime-declared"
    dimension = Dimension.QUALITY
    severity = Severity.LOW
    suite = "boundary"
    remedy = "Deploy the build that the profile declares, or declare the one that is deployed."
    refs = ("ISO/IEC 25010 appropriateness",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per service that declares where its runtime can be read."""
        found = False
        by_path = {op.url_path(): op for _, _, op in scene.profile.all_operations() if op.method == "GET"}
        for name, service in scene.profile.services.items():
            if service.runtime_path is not None and service.runtime != "other":
                found = True
                path = service.runtime_path
                operation = by_path.get(path) or Operation(id=f"runtime of {name}", path=path)
                params = {**params_of(operation, self.suite), "runtime": service.runtime}
                yield Case(check=self.id, subject=name, params=params)
        if not found:
            needs = "services: {NAME: {runtime: codon, runtime_path: /path/of/runtime}}"
            yield Unmet(subject="services", needs=needs)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask, again where the runtime is another."""

        def complain(exchange: Exchange) -> str | None:
            try:
                return _complaint(exchange, case)
            except Undecided:
                return None

        await ask_until_good(target, "probe", ask_for(operation_in(case.params)), complain)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the runtime."""
        expected = f"{case.subject} says that it runs on {case.params['runtime']}"
        return judge_repeats(evidence, "probe", expected, lambda e: _complaint(e, case))


def _complaint(exchange: Exchange, case: Case) -> str | None:
    """The other runtime.

    Raises:
        Undecided: where the answer names none.
    """
    operation = operation_in(case.params)
    if exchange.status not in operation.expect.status:
        raise Undecided(Reason.NO_TEST_DATA, f"{operation.path} did not answer as declared: {describe(exchange)}")
    try:
        runtime = value_at(json_body(exchange), WHERE)
    except (ValueError, NoSuchPath) as missing:
        raise Undecided(Reason.NO_TEST_DATA, f"{operation.path} names no runtime: {missing}") from missing
    same = str(runtime).split(" ")[0] == case.params["runtime"]
    return None if same else f"{WHERE} is {str(runtime)[:80]}"
