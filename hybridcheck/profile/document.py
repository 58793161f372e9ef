"""A YAML text as plain data that remembers the line of everything: small, strict, and safe against hostile files.

Only what JSON can say is accepted. Words such as `yes`, `on`, `12:30` and `2026-01-31` and numbers with leading zeros
stay text (as in YAML 1.2), so that nothing turns into a truth value or a date behind the author's back.
"""

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from hybridcheck.cases import Json
from hybridcheck.errors import Complaint

MOST_BYTES = 1024 * 1024
"""The largest file that is read."""

MOST_VALUES = 100_000
"""The most values that a file may hold once its aliases are expanded."""

MOST_DEPTH = 40
"""The deepest nesting."""

KeyPath = tuple[str | int, ...]
"""Where a value is: keys and list indexes from the top."""

SURROGATE = re.compile("[\ud800-\udfff]")
PREFIX = "tag:yaml.org,2002:"
CAUSES = {
    "mapping values are not allowed here": "quote a value that contains ': ', and check the indentation",
    "cannot start any token": "indent with spaces, not tabs; quote a value that begins with @, `, % or a tab",
    "could not find expected ':'": "a key ends with ': '",
    "expected <block end>": "the indentation differs from the lines above, or a bracket or quote is not closed",
    "expected ',' or": "a bracket is not closed, a comma is missing, or a value with {, [ or ? in it needs quotes",
    "found unexpected end of stream": "a quote is not closed",
    "undefined alias": "quote a value that begins with '*'",
    "expected alphabetic or numeric character": "quote a value that begins with '*' or '&'",
    "expected the node content": "a value is missing here, or a bracket is not closed",
    "expected a single document": "remove the '---' between documents: a profile is one document",
}


class Refused(Exception):
    """The text cannot be read any further."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.hint = hint


@dataclass(slots=True)
class Document:
    """Plain data, the line (from 1) of each key path, and what was wrong on the way."""

    name: str
    value: Json = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    def place(self, path: KeyPath) -> str:
        """`file:line key.path` of a value; of the nearest one around it where it does not stand in the file."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known)
        return f"{self.name}:{line} {spelled(path)}".rstrip() if line else f"{self.name} {spelled(path)}".rstrip()

    def complain(self, path: KeyPath, message: str, hint: str = "") -> None:
        """Note one thing that is wrong at a place."""
        self.complaints.append(Complaint(self.place(path), message, hint))


def spelled(path: KeyPath) -> str:
    """A key path as people write it: `services.auth.operations[2].expect`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else ("." if text else "") + str(part)
    return text


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file of at most `MOST_BYTES`.

    Raises:
        Refused: with a message for people; line 0.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Refused(0, "is not a regular file", "give the path of a YAML file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as broken:
        raise Refused(0, f"cannot be read: {broken.strerror or broken}") from broken
    except ValueError as broken:  # a NUL byte in the path
        raise Refused(0, f"cannot be read: {broken}") from broken
    if len(data) > MOST_BYTES:
        size = max(found.st_size, len(data))
        raise Refused(0, f"is {size:,} bytes long; a profile has at most {MOST_BYTES:,}", "is this the right file?")
    return data


def read_document(data: bytes, name: str) -> Document:
    """Read YAML bytes; what is wrong is in `complaints`, never raised. An unreadable text leaves `value` None."""
    document = Document(name)
    try:
        root = _compose(_text(data))
        if root is not None:
            document.value = _Builder(document).build(root, (), 0)
    except Refused as refused:
        place = f"{name}:{refused.line}" if refused.line else name
        document.complaints.append(Complaint(place, refused.message, refused.hint))
        document.value = None
    return document


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise Refused(
            0, f"is {len(data):,} bytes long; a profile has at most {MOST_BYTES:,}", "is this the right file?"
        )
    if b"\0" in data:
        raise Refused(0, "is a binary file, not YAML text", "give the path of a YAML file in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        line = data.count(b"\n", 0, broken.start) + 1
        raise Refused(line, "is not UTF-8 text", "save the file as UTF-8") from broken


class _Loader(yaml.SafeLoader):
    """Composes nodes only, with a bound on depth (recursion) and on the number of nodes (time)."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own protocol

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node within the bounds."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self.depth += 1
        self.nodes += 1
        _check_bounds(event.start_mark.line + 1, self.depth, self.nodes)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _check_bounds(line: int, depth: int, values: int) -> None:
    if depth > MOST_DEPTH:
        raise Refused(line, f"is nested deeper than {MOST_DEPTH} levels", "check the brackets and aliases")
    if values > MOST_VALUES:
        raise Refused(line, f"holds more than {MOST_VALUES:,} values (aliases expanded)", "check the aliases")


_NUMBER = r"^[-+]?(?:0|[1-9][0-9_]*)"
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", _NUMBER + "$", "-+0123456789"),
    ("float", _NUMBER + r"(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?$", "-+0123456789"),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(PREFIX + _tag, re.compile(_pattern), list(_first))


def _compose(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as broken:
        mark = broken.problem_mark or broken.context_mark
        problem = broken.problem or broken.context or "is not YAML"
        hint = next((advice for part, advice in CAUSES.items() if part in f"{problem} {broken.context or ''}"), "")
        raise Refused(mark.line + 1 if mark else 0, f"is not YAML: {problem}", hint) from broken
    except yaml.reader.ReaderError as broken:
        line = text.count("\n", 0, broken.position) + 1
        raise Refused(line, f"holds the control character {text[broken.position]!a}", "remove it") from broken
    except (
        yaml.YAMLError,
        ValueError,
        IndexError,
        OverflowError,
    ) as broken:  # PyYAML lets some of its own slips through
        raise Refused(0, f"is not YAML: {broken}") from broken
    return node


class _Builder:
    """Turns composed nodes into plain data, counting every value that an alias stands for."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = 0

    def build(self, node: yaml.Node, path: KeyPath, depth: int) -> Json:
        """The value of a node; complaints are noted and the rest is still read."""
        self._values += 1
        line = node.start_mark.line + 1
        _check_bounds(line, depth, self._values)
        self._document.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode) and node.tag == PREFIX + "map":
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode) and node.tag == PREFIX + "seq":
            return [self.build(child, (*path, index), depth + 1) for index, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._complain_of_tag(node, path)
        return None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> dict[str, Json]:
        built: dict[str, Json] = {}
        merged: dict[str, Json] = {}
        first_lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == PREFIX + "merge":
                merged = {**self._merged(value_node, path, depth), **merged}
                continue
            key = self._key(key_node, path)
            if key in first_lines:
                self._document.complaints.append(_duplicate(self._document, (*path, key), first_lines[key], line))
                continue
            first_lines[key] = line
            self._document.lines[*path, key] = line
            built[key] = self.build(value_node, (*path, key), depth + 1)
        return {**merged, **built}

    def _merged(self, node: yaml.Node, path: KeyPath, depth: int) -> dict[str, Json]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Json] = {}
        for part in parts:
            if not isinstance(part, yaml.MappingNode):
                self._document.complain(path, "'<<' merges mappings only")
                continue
            found = {**self._mapping_of(part, path, depth + 1), **found}
        return found

    def _mapping_of(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> dict[str, Json]:
        self._values += 1
        _check_bounds(node.start_mark.line + 1, depth, self._values)
        return self._mapping(node, path, depth)

    def _key(self, node: yaml.Node, path: KeyPath) -> str:
        if isinstance(node, yaml.ScalarNode):
            return self._text(node, path)
        line = node.start_mark.line + 1
        raise Refused(line, "has a list or a mapping as a key", "quote a value that begins with '{' or '['")

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Json:
        text = self._text(node, path)
        match node.tag.removeprefix(PREFIX):
            case "str" | "merge":
                return text
            case "null":
                return None
            case "bool" if text.lower() in {"true", "false"}:
                return text.lower() == "true"
            case "int" | "float" as kind:
                return self._number(text.replace("_", ""), kind, path)
            case _:
                self._complain_of_tag(node, path)
                return None

    def _text(self, node: yaml.ScalarNode, path: KeyPath) -> str:
        text = str(node.value)
        if SURROGATE.search(text):  # "\\ud800": neither UTF-8 nor a URL can carry it
            self._document.complain(path, "half of a surrogate pair is not text", "write the character itself")
            return SURROGATE.sub("?", text)
        return text

    def _number(self, text: str, kind: str, path: KeyPath) -> Json:
        try:
            number = int(text) if kind == "int" else float(text)
        except ValueError:
            self._document.complain(path, f"'{text[:40]}' is not a number")
            return None
        if abs(number) > 2**63:
            self._document.complain(path, "this number is too large", "quote it if it is text")
            return None
        return number

    def _complain_of_tag(self, node: yaml.Node, path: KeyPath) -> None:
        tag = node.tag.replace(PREFIX, "!!")
        self._document.complain(
            path, f"the YAML tag {tag!r} is not accepted", "plain text, numbers, lists and mappings"
        )


def _duplicate(document: Document, path: KeyPath, first: int, second: int) -> Complaint:
    place = f"{document.name}:{second} {spelled(path)}"
    return Complaint(place, f"this key stands in line {first} already", "remove one, or put both under one key")
