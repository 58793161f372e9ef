"""Log lines: for people and for machines, harmless either way."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridcheck.cli import logs
from hybridcheck.errors import OutputError


@pytest.fixture(autouse=True)
def _handlers_as_before() -> Iterator[None]:
    """Leave logging as it was."""
    root, own = logging.getLogger(), logging.getLogger(logs.OWN_LOGGER)
    before, levels = list(root.handlers), (root.level, own.level)
    yield
    for handler in list(root.handlers):
        if handler not in before:
            root.removeHandler(handler)
            handler.close()
    root.handlers = before
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def _log_everything() -> None:
    own = logging.getLogger("hybridcheck.test")
    own.info("seen \x1b[2J\u202e")
    own.debug("not seen")
    logging.getLogger("httpx").info("GET http://x/?token=secret")
    try:
        raise ValueError("broken \x07")
    except ValueError:
        own.exception("it broke")


def test_lines_for_people_are_harmless_and_short(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own level holds for our own loggers only; no traceback unless debugging."""
    logs.configure(level="info", as_json=False, file=None)
    _log_everything()
    assert capsys.readouterr().err.splitlines() == [
        "INFO hybridcheck.test: seen \\x1b[2J\\u202e",
        "ERROR hybridcheck.test: it broke: ValueError: broken \\x07",
    ]


def test_lines_go_to_the_stderr_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live display takes the place of stderr while it is shown."""
    logs.configure(level="info", as_json=False, file=None)
    later = io.StringIO()
    monkeypatch.setattr("sys.stderr", later)
    logging.getLogger("hybridcheck.test").info("seen")
    assert later.getvalue() == "INFO hybridcheck.test: seen\n"


def test_debugging_shows_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    """Harmless too."""
    logs.configure(level="debug", as_json=False, file=None)
    _log_everything()
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "\x07" not in told
    assert "httpx" not in told


def test_json_lines_hold_everything(tmp_path: Path) -> None:
    """Time, level, logger, message, traceback; ASCII only."""
    logs.configure(level="info", as_json=True, file=tmp_path / "a.log")
    _log_everything()
    text = (tmp_path / "a.log").read_text(encoding="ascii")
    first, second = (json.loads(line) for line in text.splitlines())
    assert (first["level"], first["logger"], first["message"]) == ("info", "hybridcheck.test", "seen \x1b[2J\u202e")
    assert first["time"].endswith("+00:00")
    assert "ValueError" in second["traceback"]


def test_a_log_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With its path, before anything is sent."""
    with pytest.raises(OutputError) as caught:
        logs.configure(level="info", as_json=True, file=tmp_path)
    assert caught.value.where == str(tmp_path)
