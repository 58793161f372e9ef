"""`hybridcheck cleanup`: what a path means, and what a revert needs."""

import ssl
from pathlib import Path

import pytest

from hybridcheck.cli import reverting
from hybridcheck.cli.cleanup import command
from hybridcheck.errors import ExitCode, UsageError
from hybridcheck.transport.journal import Journal, read_journal

PROFILE = """
version: 1
targets: {inner: {url: "https://127.0.0.1:1", environment: local, tls: {ca_file: ca.pem}}}
services: {native: {}}
hooks:
  stop:
    class: fault
    breaks: [native]
    does: down
    apply: {command: ["true"]}
    verify_active: {command: ["true"]}
    revert: {command: ["true"]}
    verify_clean: {command: ["true"]}
"""


def test_a_folder_that_is_not_a_runs_is_refused(tmp_path: Path) -> None:
    """One folder too high, "nothing is left" would be said of faults that are still applied."""
    run = tmp_path / "20260101-run"
    run.mkdir()
    (run / "ledger.ndjson").touch()
    with pytest.raises(UsageError, match="no folder of a run"):
        command(tmp_path)
    assert command(run) is ExitCode.READY


def test_hooks_are_reverted_with_the_certificate_authority_of_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they were applied: a hook behind a private CA could not be asked otherwise."""
    used: list[str | None] = []

    def noting(ca_file: str | None) -> ssl.SSLContext:
        used.append(ca_file)
        return ssl.create_default_context()

    monkeypatch.setattr(reverting, "tls_context", noting)
    (tmp_path / "ca.pem").touch()
    profile = tmp_path / "hybridcheck.yaml"
    profile.write_text(PROFILE)
    journal = Journal(tmp_path / "hooks.ndjson")
    journal.stage(journal.intend(run_id="r", base_url="https://127.0.0.1:1", case="c", hook="stop"), "applied")
    assert command(tmp_path, profile=profile) is ExitCode.READY
    assert used == [str(tmp_path / "ca.pem")]
    assert [entry.stage for entry in read_journal(tmp_path / "hooks.ndjson")] == ["clean"]
