"""`{name}` in a declared text: which names stand in a value, and the value with all of them filled in. Pure.

A text that is one `{name}` becomes the value itself (a number stays a number); within other text a value is written
out. `{{name}}` is the text `{name}`. Anything else in braces is left alone, so that JSON and GraphQL may be written
as they are.
"""

import json
import re
from collections.abc import Iterator, Mapping

from hybridcheck.cases import Json

NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
HOLE = re.compile(rf"\{{(?P<escaped>\{{{NAME}\}})\}}|\{{(?P<name>{NAME})\}}")


class UnknownVariable(LookupError):
    """A text names a variable that has no value."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no variable '{name}'")
        self.name = name


UNCLOSED = re.compile(rf"\{{(?P<name>{NAME})[^{{}}]*\Z")
"""`{name` with no brace after it; JSON and GraphQL close what they open."""


def names_in(value: Json) -> Iterator[str]:
    """Every name that a value needs, in its order; keys of mappings are no templates."""
    yield from (match["name"] for text in _texts(value) for match in HOLE.finditer(text) if match["name"])


def unclosed_in(value: Json) -> Iterator[str]:
    """Every name that is opened at the end of a text and not closed."""
    yield from (match["name"] for text in _texts(value) for match in UNCLOSED.finditer(text))


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def parts_of(path: str) -> list[str]:
    """The names of a path's `{name}` parts, which may be written in any way (`{book-id}`)."""
    return re.findall(r"\{([^{}]*)\}", path)


def filled(value: Json, variables: Mapping[str, Json]) -> Json:
    """The value with every name filled in.

    Raises:
        UnknownVariable: for a name without a value.
    """
    if isinstance(value, str):
        whole = HOLE.fullmatch(value)
        if whole is not None and whole["name"]:
            return _value(whole["name"], variables)
        return HOLE.sub(lambda match: match["escaped"] or _written(_value(match["name"], variables)), value)
    if isinstance(value, Mapping):
        return {key: filled(item, variables) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, variables) for item in value]
    return value


def _value(name: str, variables: Mapping[str, Json]) -> Json:
    if name in variables:
        return variables[name]
    first, _, rest = name.partition(".")
    found = variables.get(first)
    for part in rest.split(".") if rest else ():
        found = found.get(part) if isinstance(found, Mapping) else None
    if not rest or found is None:
        raise UnknownVariable(name)
    return found


def _written(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
