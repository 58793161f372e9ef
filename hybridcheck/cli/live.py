"""Live progress on a terminal: one moving line, and the lines that are worth keeping above it."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from hybridcheck.cli.progress import Progress
from hybridcheck.evidence import Record
from hybridcheck.writers.hostile_text import for_terminal


class LiveProgress(Progress):
    """A rich live display on stderr; it is gone when the report is printed."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self._console = console or Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._spinner = Spinner("dots", text=Text("starting"))
        self._live = Live(self._spinner, console=self._console, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        """Begin to show."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def __call__(self, record: Record) -> None:
        """Count the record and change the words of the line; the display's own thread draws it."""
        super().__call__(record)
        self._spinner.update(text=Text(self.words(), overflow="ellipsis", no_wrap=True))

    def words(self) -> str:
        """The moving line."""
        seen = self.picture
        parts = [f"{seen.phase}: {seen.done}/{seen.planned} cases", f"{seen.records:,} records"]
        if seen.load is not None:
            parts.insert(1, seen.load.words())
        return for_terminal(" · ".join(parts))

    def line(self, words: str) -> None:
        """Print the line above the moving one."""
        super().line(words)
        self._console.print(Text(for_terminal(words)))
