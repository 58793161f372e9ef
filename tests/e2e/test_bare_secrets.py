"""A secret that also stands in plain text would reach every artefact: it is refused before anything is sent."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = subprocess.CompletedProcess[str]


@pytest.mark.parametrize("command", ["lint", "validate"])
def test_a_secret_in_a_path_is_refused_by_either_command(
    command: str, run: Callable[..., Run], tmp_path: Path, target: str, asked: list[str]
) -> None:
    """What a run would refuse, `lint` refuses too; the secret is not repeated, and the target hears nothing."""
    (tmp_path / "hybridcheck.yaml").write_text(
        f"version: 1\ntargets: {{local: {{url: '{target}', environment: local}}}}\n"
        "identities: {alice: {token: 'env:ALICE_TOKEN'}}\n"
        "operations: [{request: GET /reports/in-wonderland, auth: required, identity: alice}]\n",
        encoding="utf-8",
    )
    arguments = ["lint", "hybridcheck.yaml"] if command == "lint" else ["validate", "--base-url", "local"]
    done = run(*arguments, env={**os.environ, "ALICE_TOKEN": "in-wonderland"})
    assert (done.returncode, asked) == (2, [])
    assert "also stands in plain text" in done.stderr
    assert "in-wonderland" not in done.stdout + done.stderr
