"""Does a service that stands behind a gateway refuse whoever comes past the gateway."""

from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import declared, is_good, numbers_of
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of
from hybridcheck.checks.overlaps import require_unthrottled
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

TIMES = 2
NEEDS = (
    "services: {NAME: {direct_url: http://…, direct_headers: {X-Gateway-Key: env:KEY}}} and "
    "boundaries: {NAME: {caller: …, callee: NAME, routes: [{public: ID, native: /path}]}}"
)


class DirectAccessRefused(ReadCheck):
    """Beside its gateway a service answers nobody without what the gateway proves itself with.

    Asks the service at its `direct_url`: with its `direct_headers` (the control), without them, with garbage in
    them, and with a user's credential in their place. A success twice of two is a fail: whoever reaches the port
    decides for himself who he is.
    """

    id = "boundary.direct-access-refused"
    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    suite = "boundary"
    remedy = "Let the inner service verify a key, a mutual TLS certificate or a signed token of its gateway."
    refs = ("CWE-306", "OWASP API2:2023", "OWASP ASVS 4.2.1")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per service that is declared to want headers of its own."""
        found = False
        for name, service in scene.profile.services.items():
            way = _way(scene, name) if service.direct_url and service.direct_headers else None
            if way is not None:
                found = True
                operation, path, suite = way
                params = {**params_of(operation, suite), "path": path, "headers": sorted(service.direct_headers)}
                yield Case(check=self.id, subject=name, params={**params, "suite": self.suite})
        if not found:
            yield Unmet(subject="services", needs=NEEDS)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask with, and without."""
        operation = operation_in(case.params)
        way = replace(ask_for(operation), path=case.params["path"], via=case.subject, fresh=True)
        nobody = replace(way, bare=True, identity=None)
        garbage = tuple((name, f"no-{target.random.getrandbits(96):024x}") for name in case.params["headers"])
        await target.read("control", way)
        asks = {"none": nobody, "garbage": replace(nobody, headers=(*nobody.headers, *garbage))}
        if operation.identity is not None:
            asks["user"] = replace(nobody, identity=operation.identity)
        for label, ask in asks.items():
            await _until_refused(target, label, ask)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look for a success."""
        expected = f"{case.subject} refuses {case.params['path']} without its gateway's headers"
        control = evidence.exchange("control")
        labels = {"none": "without them", "garbage": "with garbage in them", "user": "with a user's credential instead"}
        if operation_in(case.params).identity is None:
            del labels["user"]
        asked = {label: evidence.exchanges(label) for label in labels}
        everything = (control.n, *numbers_of(*asked.values()))
        if not is_good(control):
            text = f"it does not answer with them either: {describe(control)}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=everything)
        for label, exchanges in asked.items():
            if len(exchanges) == TIMES and all(is_good(exchange) for exchange in exchanges):
                text = f"it answers {labels[label]}: {describe(exchanges[-1])}"
                return failed(expected, text, exchanges=(control.n, *numbers_of(exchanges)), n=TIMES)
        if not all(asked.values()):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=everything)
        require_unthrottled([exchange for exchanges in asked.values() for exchange in exchanges])
        odd = [e for exchanges in asked.values() for e in exchanges if e.status is None or not 400 <= e.status < 500]
        if odd:
            reason = Reason.FLAKY if is_good(odd[0]) else Reason.SUSPECTED
            return undecided(reason, expected, f"no refusal: {describe(odd[0])}", exchanges=everything)
        return passed(expected, f"it refuses {', '.join(labels)}", exchanges=everything, n=len(everything))


def _way(scene: Scene, name: str) -> tuple[Operation, str, str] | None:
    """The first operation of the read class that the service answers at a path of its own."""
    for boundary in scene.profile.boundaries.values():
        for route in boundary.routes if boundary.callee == name else ():
            found = declared(scene, route.public)
            if found is not None and route.native is not None and found[1].reads:
                return found[1], route.native, found[2]
    return None


async def _until_refused(target: ReadTarget, label: str, ask: Ask) -> None:
    for number in range(1, TIMES + 1):
        if not is_good(await target.read(f"{label}.{number}", ask)):
            return
