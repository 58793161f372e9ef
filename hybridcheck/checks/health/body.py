"""Does a health answer say in its body what it says by its status."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import json_body
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding

BAD = frozenset({"fail", "error", "down", "unhealthy", "out_of_service"})
"""Words of the health-check draft and its aliases, of Spring Boot and of ASP.NET Core that ask for a 4xx or 5xx."""


class BodyAgrees(ReadCheck):
    """A health answer with a good status does not say in its body that the service is down.

    Asks the declared `ready` and `health` paths. A status from 200 to 299 with a JSON body whose `status` is "fail",
    "error", "down", "unhealthy" or "out_of_service", three times of three, is a fail: probes and load balancers read
    the status and send users to a service that says itself that it does not work.
    """

    id = "health.body-agrees"
    dimension = Dimension.RELIABILITY
    severity = Severity.MEDIUM
    suite = "monitoring"
    remedy = "Let the health route answer 503 whenever its own summary is bad."
    refs = ("draft-inadarei-api-health-check-06 §3.1", "RFC 9110 §15.6.4")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for each declared path that promises a good status."""
        declared = (("ready", scene.profile.ready), ("health", scene.profile.health))
        good = [(name, part) for name, part in declared if part is not None and 200 <= part.status < 300]
        for name, part in good:
            yield Case(check=self.id, subject=name, params={"path": part.path, "status": part.status})
        if not good:
            yield Unmet(subject="ready", needs="ready: /path/of/readiness")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask, again where body and status contradict each other."""

        def complain(exchange: Exchange) -> str | None:
            return None if exchange.status != case.params["status"] else _contradiction(exchange)

        await ask_until_good(target, "probe", Ask("GET", str(case.params["path"])), complain)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare body and status."""
        expected = f"{case.params['path']} does not say {' or '.join(sorted(BAD))} with status {case.params['status']}"

        def complain(exchange: Exchange) -> str | None:
            if exchange.status != case.params["status"]:
                raise Undecided(Reason.NO_TEST_DATA, f"another answer than declared: {describe(exchange)}")
            return _contradiction(exchange)

        return judge_repeats(evidence, "probe", expected, complain)


def _contradiction(exchange: Exchange) -> str | None:
    try:
        document = json_body(exchange)
    except ValueError:
        return None
    said = document.get("status") if isinstance(document, dict) else None
    return f"status {exchange.status} with `status: {said}` in its body" if _is_bad(said) else None


def _is_bad(said: object) -> bool:
    return isinstance(said, str) and said.strip().lower() in BAD
