"""Plugins: found by entry point, refused where they do not fit, judged by what they sent and not by what they claim."""

from contextlib import suppress
from importlib.metadata import EntryPoint

import httpx
import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.check import Check
from hybridcheck.checks.custom import check_of
from hybridcheck.errors import PluginError
from hybridcheck.evidence import Failure
from hybridcheck.plugins import installed
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of

SAMPLES = "tests.unit.plugins.samples_of_requirement_004"
INTEGRATOR = EntryPoint("mine", f"{SAMPLES}:CustomIntegrator", "hybridcheck.integrators")
VALIDATOR = EntryPoint("rules", f"{SAMPLES}:CustomValidator", "hybridcheck.validators")


def check(point: EntryPoint) -> Check:
    """The check that an entry point gives."""
    return installed([point]).checks[f"custom.{point.name}"]


def judged(point: EntryPoint, answer: Answer) -> Finding:
    """What is found where the target answers everything so."""
    return finding_of(check(point), {}, FakeTarget(lambda _: answer))


def test_the_sample_integrator_passes_on_what_it_sent() -> None:
    """Its claim is held against the exchange that its client recorded."""
    finding = judged(INTEGRATOR, (200, {}, {"ok": True}))
    assert (finding.outcome, finding.n) == (Outcome.PASS, 1)


def test_the_sample_integrator_fails_where_it_says_so() -> None:
    """A claimed failure is a fail, in its own words."""
    finding = judged(INTEGRATOR, (500, {}, b""))
    assert finding.outcome is Outcome.FAIL
    assert "Unexpected status code: 500" in finding.observed


class Deaf:
    """Claims success whatever becomes of its request."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def test_something(self) -> dict[str, bool]:
        """Ask, and do not listen."""
        with suppress(httpx.HTTPError):
            await self.client.get("/x")
        return {"passed": True}


def test_a_claim_beside_silence_is_undecided() -> None:
    """An exchange without an answer is no evidence of success."""
    made = check_of("deaf", Deaf, validator=False)()
    finding = finding_of(made, {}, FakeTarget(lambda _: Failure.REFUSED))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.EVIDENCE_INCOMPLETE)
    assert finding_of(made, {}, FakeTarget(lambda _: (200, {}, {}))).outcome is Outcome.PASS


def test_the_sample_validator_claims_without_evidence() -> None:
    """A score that nothing measured decides nothing."""
    finding = judged(VALIDATOR, (200, {}, b""))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.EVIDENCE_INCOMPLETE)


def test_plugins_are_named_and_join_the_catalogue() -> None:
    """The verdict says which plugins took part."""
    found = installed([VALIDATOR, INTEGRATOR])
    assert found.plugins == ("hybridcheck.integrators: mine", "hybridcheck.validators: rules")
    assert {"custom.mine", "custom.rules", "health.ready"} <= found.checks.keys()


@pytest.mark.parametrize(
    ("value", "group", "words"),
    [
        ("no.such.module:Thing", "hybridcheck.integrators", "does not load: ModuleNotFoundError"),
        ("json:dumps", "hybridcheck.validators", "does not name a class"),
        ("json:JSONDecoder", "hybridcheck.checks", "is not a Check"),
        ("hybridcheck.checks.health.readiness:ReadinessAnswers", "hybridcheck.checks", "'health.ready' is taken"),
    ],
)
def test_a_broken_plugin_is_a_named_error(value: str, group: str, words: str) -> None:
    """A gate must not run without a check that somebody relies on: usage error, with the entry point's name."""
    with pytest.raises(PluginError, match="broken") as raised:
        installed([EntryPoint("broken", value, group)])
    assert words in raised.value.message
