"""What the gate itself writes about a broken run, and its self-scan, hold no secret."""

import base64
import logging
import time
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Reason
from hybridcheck.evidence import RunCause
from hybridcheck.redact import Redactor

SECRET = "a-secret-of-this-run"


@pytest.fixture
def redactor() -> Redactor:
    """One that knows the secret."""
    made = Redactor(b"k")
    made.learn(SECRET)
    return made


def break_with(message: str) -> None:
    """What nobody foresaw."""
    raise ValueError(message)


async def test_an_error_that_quotes_a_secret_is_masked(redactor: Redactor, caplog: pytest.LogCaptureFixture) -> None:
    """In the run's cause, in the fault for the verdict, and in the log with its traceback."""
    caplog.set_level(logging.DEBUG, logger="hybridcheck")
    ending = gate._Ending(60, time.monotonic() + 60)
    async with gate._noted(ending, redactor):
        break_with(f"cannot read {SECRET}")
    assert ending.cause is RunCause.TOOL_ERROR
    assert ending.faults == [(Reason.TOOL_ERROR, f"ValueError: cannot read {redactor.mask(SECRET)}")]
    assert "Traceback" in caplog.text
    assert SECRET not in caplog.text + ending.detail


def test_the_self_scan_names_each_file_with_a_secret(tmp_path: Path, redactor: Redactor) -> None:
    """Raw or encoded; the name of the file, never the secret."""
    (tmp_path / "clean.txt").write_text("nothing here")
    (tmp_path / "raw.txt").write_text(f"x {SECRET} y")
    (tmp_path / "encoded.bin").write_bytes(base64.b64encode(f"ann:{SECRET}".encode()))
    found = list(gate._secrets_in(tmp_path, redactor))
    assert found == [
        (Reason.SECRET_IN_ARTEFACT, "a known secret is in encoded.bin"),
        (Reason.SECRET_IN_ARTEFACT, "a known secret is in raw.txt"),
    ]
