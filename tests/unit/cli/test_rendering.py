"""From a verdict to stdout or a file."""

from pathlib import Path

import pytest

from hybridcheck.cli import rendering
from hybridcheck.cli.options import Format
from hybridcheck.errors import OutputError
from hybridcheck.verdict import Verdict
from hybridcheck.writers.formats import MODULES, Page


def test_every_format_has_a_writer_and_the_reverse() -> None:
    """The names on the command line are those of the list of formats."""
    assert {chosen.value for chosen in Format} == set(MODULES)


BEGINNINGS = {
    "console": "NOT_READY", "markdown": "## ❌ NOT_READY", "junit": "<?xml", "json": "{", "sarif": "{",
    "github": "::", "openmetrics": "# TYPE", "html": "<!doctype",
}  # fmt: skip


@pytest.mark.parametrize("chosen", list(Format))
def test_every_format_renders_every_verdict(chosen: Format, ready: Verdict, blocked: Verdict, hostile: Verdict) -> None:
    """It names the ruling, and begins as its format does."""
    for verdict in (ready, blocked, hostile):
        assert verdict.verdict in rendering.text_of(verdict, chosen, Page())
    assert rendering.text_of(blocked, chosen, Page()).startswith(BEGINNINGS[chosen])


@pytest.mark.parametrize(
    "name,chosen,format_",
    [
        ("r.json", Format.CONSOLE, Format.JSON),
        ("r.xml", Format.CONSOLE, Format.JUNIT),
        ("r.MD", Format.JSON, Format.MARKDOWN),
        ("r.txt", Format.JSON, Format.CONSOLE),
        ("r", Format.CONSOLE, Format.JSON),
        ("r.out", Format.JUNIT, Format.JUNIT),
    ],
)
def test_the_name_of_a_file_says_its_format(name: str, chosen: Format, format_: Format) -> None:
    """Else the format of stdout, and JSON where that is for people."""
    assert rendering.format_of(Path(name), chosen) is format_


def test_a_path_that_cannot_be_written_is_found_out_before(tmp_path: Path) -> None:
    """A folder, a missing folder; a good path leaves nothing behind."""
    for wrong in (tmp_path, tmp_path / "none" / "r.json"):
        with pytest.raises(OutputError):
            rendering.check_writable(wrong)
    rendering.check_writable(tmp_path / "r.json")
    assert not list(tmp_path.iterdir())
