"""Checks that the demo's profile leaves unexamined, through the whole gate: replicas, private documents, TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.profile.models import Environment
from hybridcheck.reference.launcher import ReferenceSystem
from tests.targets.hostile import authority_file, hostile_in_thread

pytestmark = pytest.mark.timeout(400)

HEAD = "version: 1\ntargets: {{t: {{url: '{url}', environment: local{tls}}}}}\noperations: [GET /health]\n"
INSTANCES = "observability: {instance_header: X-Instance, instances: 2}\n"


async def outcomes(folder: Path, profile: str, check: str) -> dict[str, str]:
    """The outcome of each case of one check, run against the target `t` of this profile."""
    path = folder / "profile.yaml"
    path.write_text(profile)
    asked = gate.Request(
        base_url="t",
        profile_path=path,
        environment=Environment.LOCAL,
        budget=Budget.QUICK,
        only=(check,),
        output_dir=folder / "results",
        variables={},
    )
    result = await gate.run(asked)
    return {case.subject: case.finding.outcome.value for found in result.verdict.checks for case in found.cases}


@contextmanager
def running(*defects: str, instances: int = 1) -> Iterator[str]:
    """A reference system; gives its base URL."""
    with ReferenceSystem(defects, instances=instances) as system:
        yield system.base_url


async def test_replicas_that_share_pass(tmp_path: Path) -> None:
    """Two gateways on one port, which the kernel spreads connections over."""
    with running(instances=2) as url:
        found = await outcomes(tmp_path, HEAD.format(url=url, tls="") + INSTANCES, "scaling.replicas-share")
    assert found == {"GET /health": "pass"}


async def test_a_pinned_replica_fails(tmp_path: Path) -> None:
    """The second gateway is alive and never gets a connection."""
    with running("replica-pinned") as url:
        found = await outcomes(tmp_path, HEAD.format(url=url, tls="") + INSTANCES, "scaling.replicas-share")
    assert found == {"GET /health": "fail"}


async def test_documents_that_are_declared_private_and_shown_fail(tmp_path: Path) -> None:
    """The reference system's document is public; a profile that says otherwise finds it, and nothing else."""
    with running() as url:
        profile = HEAD.format(url=url, tls="") + "exposure: {docs_public: false}\n"
        found = await outcomes(tmp_path, profile, "exposure.docs-as-declared")
    assert {subject for subject, outcome in found.items() if outcome == "fail"} == {"/openapi.json"}
    assert set(found.values()) == {"fail", "pass"}


@pytest.mark.parametrize(("min_days", "outcome"), [(7, "pass"), (60, "fail")])
async def test_a_certificate_is_valid_for_the_declared_days(tmp_path: Path, min_days: int, outcome: str) -> None:
    """Thirty days are enough for a week, not for two months."""
    with hostile_in_thread("tls-sound") as url:
        tls = f", tls: {{ca_file: '{authority_file(tmp_path)}', min_days: {min_days}}}"
        found = await outcomes(tmp_path, HEAD.format(url=url, tls=tls), "exposure.tls-valid")
    assert found == {"target": outcome}
