"""Does each request stay with its tenant on the way to the callee."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import (
    boundary_of,
    carried,
    is_good,
    numbers_of,
    operation_of,
    probed,
    with_header,
)
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

EACH = 10
"""Requests per tenant that are under way beside each other."""

SPOOFS = 2


class TenantsIsolated(ReadCheck):
    """The callee is told the tenant of whoever asks, also when requests of several tenants overlap.

    Two identities of different tenants ask at the same time for the headers that the callee saw. One answer with
    the other's tenant is a fail. Then each sends the tenant header with the other's name: told so twice is a fail.
    """

    id = "boundary.tenants-isolated"
    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    suite = "boundary"
    remedy = (
        "Take the tenant from the verified credential, carry it in the request's own context, overwrite the header."
    )
    refs = ("CWE-488", "CWE-639", "OWASP API1:2023")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where the callee shows its headers and two identities have different tenants."""
        probe = scene.profile.probes.headers
        params, boundary = probed(scene, probe), boundary_of(scene, probe.operation) if probe is not None else None
        tenants: dict[str, str] = {}
        for name, who in scene.profile.identities.items():
            if who.tenant is not None:
                tenants.setdefault(who.tenant, name)
        pair = [[name, tenant] for tenant, name in tenants.items()][:2]
        if probe is None or params is None:
            yield Unmet(subject="headers", needs="probes: {headers: {operation: ID, out: $.headers}}")
        elif boundary is None or boundary.headers.tenant is None:
            yield Unmet(subject="headers", needs="boundaries: {NAME: {…, headers: {tenant: X-Tenant-Id}}}")
        elif len(pair) < 2:
            yield Unmet(subject="tenants", needs="identities: {A: {tenant: t1, …}, B: {tenant: t2, …}}")
        else:
            params |= {"out": probe.out, "header": boundary.headers.tenant, "pair": pair}
            yield Case(check=self.id, subject=probe.operation, params={**params, "suite": self.suite})

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask alone, beside each other, and under the other's name."""
        pair, operation = case.params["pair"], operation_of(case.params)
        asks = {name: ask_for(operation, identity=name) for name, _ in pair}
        for name, ask in asks.items():
            await target.read(f"alone.{name}", ask)
        await target.together([target.read(f"beside.{i}.{name}", asks[name]) for i in range(EACH) for name in asks])
        for number in range(1, SPOOFS + 1):
            for (name, _), (_, other) in zip(pair, reversed(pair), strict=True):
                await target.read(f"spoof.{name}.{number}", with_header(asks[name], case.params["header"], other))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look for the other's tenant."""
        pair: list[list[str]] = case.params["pair"]
        expected = f"the callee sees {' and '.join(f'{tenant} for {name}' for name, tenant in pair)}, each time"
        alone = [evidence.exchange(f"alone.{name}") for name, _ in pair]
        if any(self._seen(case, one) != tenant for one, (_, tenant) in zip(alone, pair, strict=True)):
            text = "not even one at a time does the callee show the tenant"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers_of(tuple(alone)))
        beside = evidence.exchanges("beside")
        others = [exchange for exchange in beside if self._mixed(case, exchange)]
        if others:
            text = f"{len(others)} of {len(beside)} overlapping requests arrived as the other tenant's"
            return failed(expected, text, exchanges=numbers_of(tuple(alone), tuple(others)), n=len(beside))
        spoofs = {name: evidence.exchanges(f"spoof.{name}") for name, _ in pair}
        for name, asked in spoofs.items():
            if len(asked) == SPOOFS and all(self._mixed(case, exchange) for exchange in asked):
                text = f"{name} is taken for the tenant that its own {case.params['header']} header names"
                return failed(expected, text, exchanges=numbers_of(tuple(alone), asked), n=SPOOFS)
        everything = (*beside, *(exchange for asked in spoofs.values() for exchange in asked))
        return _kept(expected, [e for e in everything if not is_good(e) or self._mixed(case, e)], everything)

    def _seen(self, case: Case, exchange: Exchange) -> str | None:
        return carried(exchange, case.params["out"], case.params["header"])

    def _mixed(self, case: Case, exchange: Exchange) -> bool:
        own = dict(case.params["pair"]).get(exchange.identity or "")
        others = {tenant for _, tenant in case.params["pair"]} - {own}
        return self._seen(case, exchange) in others


def _kept(expected: str, odd: list[Exchange], everything: tuple[Exchange, ...]) -> Finding:
    numbers = numbers_of(everything)
    if len(everything) != 2 * (EACH + SPOOFS):
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
    if odd:
        reason = (
            Reason.THROTTLED if odd[0].status == 429 else Reason.SUSPECTED if is_good(odd[0]) else Reason.NO_TEST_DATA
        )
        return undecided(reason, expected, f"{len(odd)} answers do not tell: {describe(odd[0])}", exchanges=numbers)
    return passed(expected, f"{len(everything)} times", exchanges=numbers, n=len(everything))
