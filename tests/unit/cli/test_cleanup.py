"""`hybridcheck cleanup`: what a path means."""

from pathlib import Path

import pytest

from hybridcheck.cli.cleanup import command
from hybridcheck.errors import ExitCode, UsageError


def test_a_folder_that_is_not_a_runs_is_refused(tmp_path: Path) -> None:
    """One folder too high, "nothing is left" would be said of faults that are still applied."""
    run = tmp_path / "20260101-run"
    run.mkdir()
    (run / "ledger.ndjson").touch()
    with pytest.raises(UsageError, match="no folder of a run"):
        command(tmp_path)
    assert command(run) is ExitCode.READY
