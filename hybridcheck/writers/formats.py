"""The list of report formats. A new format is one module with `render` in this folder and a row here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from hybridcheck.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Page:
    """What a report is written on: columns of a terminal, whether colours work, where the evidence lies.

    `profile` is the profile's path as a relative URI, and `lines` says which line of it a case is about; both for
    formats that point into a file.
    """

    width_columns: int = 100
    colour: bool = False
    folder: str | None = None
    profile: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict)


class Writer(Protocol):
    """What a format's module offers."""

    def render(self, verdict: Verdict, page: Page) -> str:
        """The report as text; never anything but what the verdict says."""
        ...


MODULES: Mapping[str, str] = MappingProxyType(
    {
        "console": "hybridcheck.writers.console",
        "json": "hybridcheck.writers.json_document",
        "markdown": "hybridcheck.writers.markdown",
        "junit": "hybridcheck.writers.junit",
        "sarif": "hybridcheck.writers.sarif",
        "github": "hybridcheck.writers.github",
        "openmetrics": "hybridcheck.writers.openmetrics",
        "html": "hybridcheck.writers.html",
    }
)
"""Name of a format → the module that writes it; imported when it is asked for, since some bring large libraries."""
