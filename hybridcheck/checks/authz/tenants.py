"""Does a header from outside open another tenant."""

from dataclasses import replace

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.authz.canary import Canary, OthersObject, Parts, unproved
from hybridcheck.checks.authz.objects import ask_twice, judge_shown
from hybridcheck.checks.check import Scene
from hybridcheck.evidence import Evidence
from hybridcheck.profile.operations import Operation
from hybridcheck.target import WriteTarget
from hybridcheck.verdict import Finding


class TenantHeaderNotTrusted(OthersObject):
    """A header from outside does not make a caller a member of another tenant.

    Gateways often pass the tenant on in a header; a service that is reached with one from outside must not believe it.
    The stranger of another tenant asks for the owner's object with `exposure.tenant_header` naming the owner's tenant.
    Proved where the answer contains the marker, twice, and the same request without the header does not.
    """

    id = "authz.tenant-header-not-trusted"
    severity = Severity.HIGH
    remedy = "Take the tenant from the verified token; drop the header at the edge before your own gateway sets it."
    refs = ("CWE-290", "CWE-348", "OWASP API1:2023", "ASVS V4.1.3")

    def further_operation(self, scene: Scene, create: Operation) -> Operation | str | None:
        """No further operation, but an owner whose tenant is known."""
        owner = scene.profile.identities[create.identity or ""]
        return None if owner.tenant else f"tenant: NAME at identity '{create.identity}', and one of another tenant"

    def further_params(self, scene: Scene, parts: Parts) -> dict[str, Json]:
        """The header and the tenant that it names."""
        tenant = scene.profile.identities[parts.owner].tenant
        return {"header": scene.profile.exposure.tenant_header, "tenant": tenant}

    async def trespass(self, case: Case, target: WriteTarget, canary: Canary) -> None:
        """The stranger's request without the header, then with it."""
        ask = Parts.of(case).reading(canary.resource, case.params["stranger"])
        await target.read("control.plain", ask)
        named = (*ask.headers, (case.params["header"], case.params["tenant"]))
        await ask_twice(target, replace(ask, headers=named), canary)

    def judge_trespass(self, case: Case, evidence: Evidence, canary: Canary) -> Finding:
        """Fail where the header alone made the difference, twice."""
        stranger, header, tenant = (case.params[name] for name in ("stranger", "header", "tenant"))
        expected = f"{stranger} gets nothing of tenant {tenant} by sending {header}: {tenant}"
        if canary.shown_in(evidence.exchange("control.plain")):
            return unproved(evidence, expected, f"{stranger} gets it without the header too")
        return judge_shown(evidence, canary, expected, f"{stranger} with {header}: {tenant} reads the object")
