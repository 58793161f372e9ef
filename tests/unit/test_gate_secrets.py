"""What the gate itself writes about a broken run holds no secret."""

import logging
import time

import pytest

from hybridcheck import gate
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
    """In the run's cause and its words for the verdict, and in the log with its traceback."""
    caplog.set_level(logging.DEBUG, logger="hybridcheck")
    ending = gate._Ending(60, time.monotonic() + 60)
    async with gate._noted(ending, redactor):
        break_with(f"cannot read {SECRET}")
    assert ending.cause is RunCause.TOOL_ERROR
    assert ending.detail == f"ValueError: cannot read {redactor.mask(SECRET)}"
    assert "Traceback" in caplog.text
    assert SECRET not in caplog.text + ending.detail
