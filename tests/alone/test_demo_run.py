"""One whole run against the reference system, and what must hold of everything that it leaves on disk."""

import asyncio
import json
from pathlib import Path

import psutil
import pytest
from jsonschema import Draft202012Validator

from hybridcheck import gate
from hybridcheck.api import get_hybrid_integration_framework
from hybridcheck.cases import Budget, Group
from hybridcheck.checks.catalogue import by_id
from hybridcheck.verdict import Outcome, Ruling
from hybridcheck.writers.json_document import to_json, verdict_schema
from tests.property.order_of_knowledge import assert_order_of_knowledge

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> gate.GateResult:
    """A quick run against the healthy reference system."""
    folder = tmp_path_factory.mktemp("results")
    request = gate.Request(demo=True, budget=Budget.QUICK, output_dir=folder, variables={}, seed=7)
    before = set(psutil.Process().children(recursive=True))  # systems of other tests' fixtures
    result = asyncio.run(gate.run(request))
    left = set(psutil.Process().children(recursive=True)) - before
    assert [child for child in left if "reference" in " ".join(child.cmdline())] == []
    return result


def test_the_healthy_system_is_ready(healthy: gate.GateResult) -> None:
    """All six core questions are answered and every required promise held."""
    blocking = [reason for reason in healthy.verdict.reasons if reason.blocking]
    assert healthy.verdict.verdict is Ruling.READY, blocking
    assert healthy.verdict.exit_code == 0
    assert all(answer.answered for answer in healthy.verdict.core.values())


def test_counts_balance(healthy: gate.GateResult) -> None:
    """Planned = passed + failed + inconclusive + errors, and the cases add up to it."""
    plan = healthy.verdict.plan
    assert plan.planned == plan.passed + plan.failed + plan.inconclusive + plan.errors
    cases = [case for check in healthy.verdict.checks for case in check.cases]
    assert plan.planned == sum(case.group in (Group.REQUIRED, Group.ADVISORY) for case in cases)


def test_every_pass_rests_on_something(healthy: gate.GateResult) -> None:
    """A pass names how many observations it has."""
    passes = [c for check in healthy.verdict.checks for c in check.cases if c.finding.outcome is Outcome.PASS]
    assert passes
    assert [case.id for case in passes if not case.finding.n] == []


def test_the_document_is_valid_against_its_schema(healthy: gate.GateResult) -> None:
    """verdict.json on disk matches the published schema and is what the run returned."""
    document = json.loads(healthy.verdict_path.read_text(encoding="utf-8"))
    Draft202012Validator(verdict_schema()).validate(document)
    assert healthy.verdict_path.read_text(encoding="utf-8") == to_json(healthy.verdict)


def test_judging_again_gives_the_same_bytes(healthy: gate.GateResult) -> None:
    """The ledger alone carries the verdict."""
    assert to_json(gate.judge_ledger(healthy.ledger_path)) == healthy.verdict_path.read_text(encoding="utf-8")


def test_less_evidence_is_never_more_knowledge(healthy: gate.GateResult) -> None:
    """The order of knowledge holds over a real ledger (a sample of its lines; `make soak` takes more)."""
    whole = assert_order_of_knowledge(healthy.ledger_path, by_id(), most=12, subsets=2, seed=3)
    assert whole.verdict is Ruling.READY


async def test_the_calls_of_the_api_rest_on_one_run(
    healthy: gate.GateResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Integration tests, production validation and reports have the shapes of requirement 004, from one run."""
    runs: list[gate.Request] = []

    async def once(request: gate.Request) -> gate.GateResult:
        runs.append(request)
        return healthy

    monkeypatch.setattr(gate, "run", once)
    framework = get_hybrid_integration_framework(demo=True, budget=Budget.QUICK, output_dir=tmp_path, variables={})
    results = await framework.run_comprehensive_integration_tests()
    production = await framework.validate_production_readiness()
    reports = await framework.generate_validation_reports()
    assert [request.demo for request in runs] == [True]
    assert results["cpython_tests"]["auth_integration"]["passed"] is True
    assert results["passed"] is True
    assert production["performance_validation"]["throughput_validation"]["rps"] > 0
    assert production["scalability_validation"]["horizontal_scaling"]["scale_factor"] is None
    assert json.loads(reports["json"])["verdict"] == "READY"


def test_no_password_reaches_the_disk(healthy: gate.GateResult) -> None:
    """What the demo's identities log in with is masked in every artefact."""
    text = healthy.ledger_path.read_text(encoding="utf-8")
    assert "‹secret:" in text
    assert '"password": "‹secret:' in text.replace("\\", "")
