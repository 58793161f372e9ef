"""`hybridcheck init`: a profile of the reference system's own document judges it without editing; files are safe."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hybridcheck.reference.launcher import ReferenceSystem

Call = Callable[..., subprocess.CompletedProcess[str]]

DOCUMENT = '{"openapi": "3.1.0", "paths": {"/good": {"get": {"responses": {"200": {"description": "ok"}}}}}}'


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_a_profile_of_the_reference_systems_document_finds_it_ready(tmp_path: Path, run: Call) -> None:
    """Nothing is edited; apart from the accounts, which only its owner knows, everything comes from the document."""
    with ReferenceSystem() as system:
        made = run("init", "--base-url", system.base_url)
        assert made.returncode == 0, made.stderr
        assert "Open core questions" not in made.stdout
        secrets = {
            "HYBRIDCHECK_TESTER_USERNAME": "alice",
            "HYBRIDCHECK_TESTER_PASSWORD": system.identities["alice"].password,
            "HYBRIDCHECK_ADMIN_USERNAME": "root",
            "HYBRIDCHECK_ADMIN_PASSWORD": system.identities["root"].password,
        }
        assert all(name in made.stdout for name in secrets)
        judged = subprocess.run(
            [made.args[0], "validate", "--base-url", "local", "--budget", "quick"],
            cwd=tmp_path, env={**os.environ, **secrets}, capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
    assert (judged.returncode, judged.stdout.partition(" ")[0]) == (0, "READY"), judged.stdout


def test_a_file_that_exists_is_kept(tmp_path: Path, run: Call) -> None:
    """Exit 2 and the file as it was; with --force it is written over."""
    document, profile = tmp_path / "shop.json", tmp_path / "hybridcheck.yaml"
    document.write_text(DOCUMENT, encoding="utf-8")
    profile.write_text("mine", encoding="utf-8")
    refused = run("init", "--from", "shop.json")
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert profile.read_text(encoding="utf-8") == "mine"
    assert run("init", "--from", "shop.json", "--force").returncode == 0
    linted = run("lint", "hybridcheck.yaml")
    assert linted.returncode == 0, linted.stderr
    assert "/good" in profile.read_text(encoding="utf-8")


def test_what_is_left_to_do_is_told_at_the_end(tmp_path: Path, run: Call) -> None:
    """Where the system is, readiness, thresholds; and the core questions that stay open."""
    (tmp_path / "shop.json").write_text(DOCUMENT, encoding="utf-8")
    told = run("init", "--from", "shop.json", "--output", "first.yaml").stdout
    assert (tmp_path / "first.yaml").exists()
    for words in (
        "To fill in:",
        "targets: where the system is",
        "ready: ",
        "thresholds: ",
        "Open core questions: load, ",
    ):
        assert words in told


@pytest.mark.parametrize(
    "arguments,code,words",
    [
        ((), 2, "nothing says where"),
        (("--from", "absent.json"), 2, "there is no file"),
        (("--base-url", "http://127.0.0.1:9"), 4, "the connection was refused"),
        (("--base-url", "127.0.0.1:9"), 2, "not an http or https URL"),
    ],
)
def test_wrong_input_leaves_no_file(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path, run: Call
) -> None:
    """Exit 2 for what was asked wrongly, 4 for a silent target; nothing is written."""
    done = run("init", *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []
