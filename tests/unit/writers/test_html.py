"""The HTML page."""

from html.parser import HTMLParser

from hybridcheck.verdict import Verdict
from hybridcheck.writers import html
from hybridcheck.writers.formats import Page
from hybridcheck.writers.wording import cases

OURS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "pre", "code", "table", "tr", "th", "td",
    "details", "summary", "svg", "path", "rect", "line", "text",
}  # fmt: skip
VOID = {"meta"}


class _Reader(HTMLParser):
    """Notes tags, attributes and text, and that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(verdict: Verdict) -> _Reader:
    reader = _Reader()
    reader.feed(html.render(verdict, Page()))
    reader.close()
    assert not reader.open
    return reader


def test_the_verdict_is_the_heading_and_every_case_is_there(blocked: Verdict) -> None:
    """With its outcome; the page is whole."""
    read = _read(blocked)
    assert (
        read.text.index("NOT_READY on 1 required") < read.text.index("What blocks (3)") < read.text.index("All checks")
    )
    for case in cases(blocked):
        assert case.subject in read.text
    assert "fail, waived" in read.text


def test_a_ready_page_says_so(ready: Verdict) -> None:
    """And nothing blocks."""
    read = _read(ready)
    assert "READY on 1 required" in read.text
    assert "What blocks" not in read.text


def test_the_page_loads_and_runs_nothing(hostile: Verdict) -> None:
    """Only our own tags, no link, no source, no event handler, and a policy that forbids the rest."""
    read = _read(hostile)
    assert set(read.tags) <= OURS
    drawn = {"viewbox", "width", "height", "role", "aria-label", "x", "y", "x1", "x2", "y1", "y2", "d", "fill", "stroke",
             "stroke-width", "stroke-dasharray", "font-size", "text-anchor"}  # fmt: skip
    assert read.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class", "open"} | drawn
    assert "default-src 'none'" in html.render(hostile, Page())


def test_hostile_text_is_shown_as_text(hostile: Verdict) -> None:
    """Markup, escapes and bidi overrides are spelt out."""
    read = _read(hostile)
    assert "<script>alert(1)</script>" in read.text
    assert "\\x1b[2J" in read.text
    assert not {"\x1b", "\u202e", "\u2066", "\x00"} & set(read.text)


def test_a_megabyte_from_a_target_is_clipped() -> None:
    """With the number of characters that were left out."""
    assert html.text("<" * 1_000_000).endswith("… (996000 more characters)")
