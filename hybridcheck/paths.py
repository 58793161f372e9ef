"""Reading a JSON value by a path such as `$.items[0].id` (the part of JSONPath that names one value)."""

import re

from hybridcheck.cases import Json

STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']+)'\]")


class NoSuchPath(LookupError):
    """The document has no value at the path."""


def is_path(path: str) -> bool:
    """Whether the text is a path that `value_at` can follow."""
    return path == "$" or (path.startswith("$") and "".join(m[0] for m in STEP.finditer(path)) == path[1:])


def value_at(document: Json, path: str) -> Json:
    """The value at the path.

    Raises:
        NoSuchPath: where a step does not exist, or the path is malformed.
    """
    if not is_path(path):
        raise NoSuchPath(f"'{path}' is not a path like $.items[0].id")
    found = document
    for match in STEP.finditer(path):
        name, index, quoted = match.groups()
        try:
            found = found[int(index)] if index is not None else found[name or quoted]
        except (KeyError, IndexError, TypeError) as missing:
            raise NoSuchPath(f"nothing at {path} (stopped at {match[0]})") from missing
    return found
