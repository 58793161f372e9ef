"""What a load asks of its generators and they cannot do is a usage error: before the first byte, before a folder is made."""

from dataclasses import replace
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cli.generating import refusal_of
from hybridcheck.cli.generators import Generators
from hybridcheck.errors import ExitCode, UsageError
from hybridcheck.profile.models import Environment

LISTENING = Generators(master=True, master_bind_host="0.0.0.0")


async def asked(folder: Path, generators: Generators, load: str = "rate_rps: 9", operation: str = "") -> UsageError:
    """What a run against nobody says before it sends anything; the folder of results stays empty."""
    profile = folder / "hybridcheck.yaml"
    profile.write_text(
        "version: 1\nidentities: {ann: {token: env:ANN}}\noperations:\n"
        f"  - {{id: a, request: POST /a, safe: true{operation}}}\n"
        f"load: {{rush: {{{load}, duration_s: 13}}}}\nthresholds: {{max_error_ratio: 0.1}}\n"
    )
    request = gate.Request(
        base_url="http://127.0.0.1:1",
        profile_path=profile,
        environment=Environment.LOCAL,
        only=("load.error-limit",),
        output_dir=folder / "results",
        variables={"ANN": "a-token-of-ann"},
        signals=False,
    )
    with pytest.raises(UsageError) as refused:
        await gate.run(request, refuse=refusal_of(generators))
    assert not (folder / "results").exists()
    assert refused.value.exit_code is ExitCode.USAGE
    assert refused.value.hint
    return refused.value


@pytest.mark.parametrize(
    ("generators", "where"),
    [
        (Generators(processes=3), "--processes 3, load phase rush"),
        (Generators(master=True, expect_workers=3), "--expect-workers 3, load phase rush"),
    ],
)
async def test_fewer_connections_than_processes(tmp_path: Path, generators: Generators, where: str) -> None:
    """Each needs one of its own."""
    refused = await asked(tmp_path, generators, "rate_rps: 9, max_connections: 2")
    assert (refused.where, refused.message) == (where, "2 connections cannot be shared by 3 processes")


async def test_secrets_over_a_network_that_nobody_called_trusted(tmp_path: Path) -> None:
    """The credential of an identity that the load uses; on a network that is trusted that is no reason."""
    operation = ", auth: required, identity: ann"
    refused = await asked(tmp_path, LISTENING, operation=operation)
    assert refused.where == "--master-bind-host 0.0.0.0, load phase rush"
    assert "in clear text" in refused.message
    trusted = replace(LISTENING, trusted_network=True, expect_workers=65)
    assert "connections" in (await asked(tmp_path, trusted, operation=operation)).message
