"""From a verdict to the text of a format, on stdout or in a file."""

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from hybridcheck.cli import anchors, terminal
from hybridcheck.cli.options import Format
from hybridcheck.errors import OutputError
from hybridcheck.verdict import Verdict
from hybridcheck.writers.formats import MODULES, Page, Writer
from hybridcheck.writers.json_document import to_bytes, write_whole

_BY_SUFFIX = {
    ".json": Format.JSON,
    ".md": Format.MARKDOWN,
    ".xml": Format.JUNIT,
    ".txt": Format.CONSOLE,
    ".sarif": Format.SARIF,
    ".prom": Format.OPENMETRICS,
    ".html": Format.HTML,
}


def text_of(verdict: Verdict, chosen: Format, page: Page) -> str:
    """The report; the module of the format is imported when it is asked for, since some bring large libraries."""
    writer = cast("Writer", importlib.import_module(MODULES[chosen]))
    return writer.render(verdict, page)


@dataclass(frozen=True, slots=True)
class Source:
    """What a report refers to: the folder of the evidence, and the profile for formats that point into it."""

    folder: str | None = None
    profile: Path | None = None


def show(verdict: Verdict, chosen: Format, source: Source) -> None:
    """Print the report to stdout."""
    page = _page(verdict, chosen, source)
    page = replace(page, width_columns=terminal.width_columns(), colour=terminal.has_colour())
    terminal.show(text_of(verdict, chosen, page))


def save(verdict: Verdict, path: Path, chosen: Format, source: Source) -> None:
    """Write the report to a file, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    asked = format_of(path, chosen)
    write_whole(to_bytes(text_of(verdict, asked, _page(verdict, asked, source))), path)


def _page(verdict: Verdict, chosen: Format, source: Source) -> Page:
    if chosen not in {Format.SARIF, Format.GITHUB} or source.profile is None:
        return Page(folder=source.folder)
    lines = anchors.lines_of(source.profile, verdict)
    return Page(folder=source.folder, profile=anchors.uri_of(source.profile), lines=lines)


def format_of(path: Path, chosen: Format) -> Format:
    """The format that the file's name asks for; else the chosen one, and JSON where that is the console's."""
    fallback = Format.JSON if chosen is Format.CONSOLE else chosen
    return _BY_SUFFIX.get(path.suffix.lower(), fallback)


def check_writable(path: Path) -> None:
    """Find out before any traffic whether a report can be written.

    Raises:
        OutputError: the folder is missing or refuses files, or the path is a folder.
    """
    if path.is_dir():
        raise OutputError("is a folder, not a file", where=str(path), hint="give --output-file a file name")
    probe = path.parent / f".{path.name}.probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write: {reason}", where=str(path), hint="choose another --output-file") from error
