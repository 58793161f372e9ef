"""The self-scan: which artefacts hold a secret, and which could not be looked into."""

import base64
from pathlib import Path

import pytest

from hybridcheck.cases import Reason
from hybridcheck.evidence import RunFault
from hybridcheck.integrators.self_scan import secrets_in
from hybridcheck.redact import Redactor

SECRET = "a-secret-of-this-run"


@pytest.fixture
def redactor() -> Redactor:
    """One that knows the secret."""
    made = Redactor(b"k")
    made.learn(SECRET)
    return made


def test_each_file_with_a_secret_is_named(tmp_path: Path, redactor: Redactor) -> None:
    """Raw or encoded; the name of the file, never the secret."""
    (tmp_path / "clean.txt").write_text("nothing here")
    (tmp_path / "folder").mkdir()
    (tmp_path / "raw.txt").write_text(f"x {SECRET} y")
    (tmp_path / "encoded.bin").write_bytes(base64.b64encode(f"ann:{SECRET}".encode()))
    assert list(secrets_in(tmp_path, redactor)) == [
        RunFault(reason=Reason.SECRET_IN_ARTEFACT, detail="a known secret is in encoded.bin"),
        RunFault(reason=Reason.SECRET_IN_ARTEFACT, detail="a known secret is in raw.txt"),
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, redactor: Redactor) -> None:
    """Nobody knows what is in it: that is a fault of ours too."""
    (tmp_path / "core").symlink_to("/proc/self/mem")
    assert list(secrets_in(tmp_path, redactor)) == [
        RunFault(reason=Reason.TOOL_ERROR, detail="core could not be searched for secrets: Input/output error")
    ]
