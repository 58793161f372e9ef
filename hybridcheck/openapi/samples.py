"""A value that fits a schema: what the document gives as an example, else the plainest one that its bounds allow.

Bounded in depth and size; a schema that refers to itself without an end, or allows nothing that can be made, has none.
"""

import math
from dataclasses import dataclass, replace

from hybridcheck.cases import Json
from hybridcheck.openapi.document import BadReference, resolve

MOST_DEPTH = 12
MOST_PARTS = 400
MOST_ITEMS = 20

BY_FORMAT = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "dGV4dA==",
}


MISNAMED = {"int": "integer", "long": "integer", "float": "number", "double": "number", "bool": "boolean"}
"""Names of types that no dialect has, and documents have all the same."""


class NoSample(ValueError):
    """Nothing that fits can be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A value; `given` where every part of it stands in the document, and none was made up."""

    value: Json
    given: bool


def sample(root: Json, schema: Json) -> Sample:
    """A value for a schema of the document.

    Raises:
        NoSample: where none can be made.
    """
    return _Maker(root).make(schema, 0)


class _Maker:
    def __init__(self, root: Json) -> None:
        self._root = root
        self._parts = 0

    def make(self, node: Json, depth: int) -> Sample:
        self._parts += 1
        if depth > MOST_DEPTH or self._parts > MOST_PARTS:
            raise NoSample("the schema is too deep, or refers to itself without an end")
        if node is True or node is None:
            return Sample("text", given=False)
        schema = self._flat(node, depth)
        given = _given(schema)
        if given is not None:
            return given
        for key in ("oneOf", "anyOf"):
            ways = schema.get(key)
            if isinstance(ways, list) and ways and "properties" not in schema:
                return self._first(ways, depth)
        return self._made(schema, depth)

    def _flat(self, node: Json, depth: int) -> dict[str, Json]:
        """References followed, `allOf` merged."""
        try:
            schema = resolve(self._root, node)
        except BadReference as broken:
            raise NoSample(str(broken)) from broken
        if not isinstance(schema, dict):
            raise NoSample("a schema is no object")
        parts = schema.get("allOf")
        if not isinstance(parts, list):
            return schema
        self._parts += len(parts)
        if depth > MOST_DEPTH or self._parts > MOST_PARTS:
            raise NoSample("the schema is too deep, or refers to itself without an end")
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts:
            merged = _merged(merged, self._flat(part, depth + 1))
        return merged

    def _first(self, ways: list[Json], depth: int) -> Sample:
        """The first alternative that is not just null and has a sample."""
        failure = NoSample("none of the alternatives can be made")
        for way in ways[:MOST_ITEMS]:
            if isinstance(way, dict) and way.get("type") == "null":
                continue
            try:
                return self.make(way, depth + 1)
            except NoSample as broken:
                failure = broken
        raise failure

    def _made(self, schema: dict[str, Json], depth: int) -> Sample:
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        values = {"integer": _integer, "number": _number, "boolean": _truth, "null": _nothing}
        return Sample(values.get(kind, _string)(schema), given=False)

    def _object(self, schema: dict[str, Json], depth: int) -> Sample:
        """The required members, and nothing else: what is optional may be left out."""
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        made = {name: self.make(known.get(name), depth + 1) for name in dict.fromkeys(names)}
        return Sample(
            {name: part.value for name, part in made.items()}, given=all(part.given for part in made.values())
        )

    def _array(self, schema: dict[str, Json], depth: int) -> Sample:
        least = schema.get("minItems")
        count = max(1, least) if isinstance(least, int) else 1
        if schema.get("maxItems") == 0:
            return Sample([], given=True)
        if count > MOST_ITEMS:
            raise NoSample(f"a list of at least {count} items is wanted")
        item = self.make(schema.get("items"), depth + 1)
        return replace(item, value=[item.value] * count)


def _given(schema: dict[str, Json]) -> Sample | None:
    """What the document itself says that a value may be."""
    for key in ("example", "x-example", "const", "default"):
        if key in schema and schema[key] is not None:
            return Sample(schema[key], given=True)
    for key in ("examples", "enum"):
        values = schema.get(key)
        if isinstance(values, list) and values and values[0] is not None:
            return Sample(values[0], given=True)
    return None


def _kind(schema: dict[str, Json]) -> str:
    """The type, in 3.1 the first that is not null; guessed from what else stands there where there is none."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if isinstance(kind, str):
        return MISNAMED.get(kind.lower(), kind)
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _merged(left: dict[str, Json], right: dict[str, Json]) -> dict[str, Json]:
    """Both; of what only one can have, the left one's. Properties and required names are those of both."""
    made = {**right, **left}
    one, other = left.get("properties"), right.get("properties")
    if isinstance(one, dict) and isinstance(other, dict):
        made["properties"] = {**other, **one}
    one, other = left.get("required"), right.get("required")
    if isinstance(one, list) and isinstance(other, list):
        made["required"] = [*other, *one]
    return made


def _string(schema: dict[str, Json]) -> str:
    form = schema.get("format")
    if isinstance(form, str) and form in BY_FORMAT:
        return BY_FORMAT[form]
    least, most = schema.get("minLength"), schema.get("maxLength")
    text = "text"
    if isinstance(least, int) and least > len(text):
        if least > MOST_PARTS:
            raise NoSample(f"a text of at least {least} characters is wanted")
        text = text * (least // len(text) + 1)
        return text[:least]
    return text[: max(0, most)] if isinstance(most, int) else text


def _bounds(schema: dict[str, Json]) -> tuple[float | None, float | None]:
    """The lowest and highest value, with exclusive ones (a number, or in old dialects `true`) moved by one."""
    low, high = _finite(schema.get("minimum")), _finite(schema.get("maximum"))
    above, below = _finite(schema.get("exclusiveMinimum")), _finite(schema.get("exclusiveMaximum"))
    if schema.get("exclusiveMinimum") is True and low is not None:
        low += 1
    if schema.get("exclusiveMaximum") is True and high is not None:
        high -= 1
    return (low if above is None else above + 1), (high if below is None else below - 1)


def _number(schema: dict[str, Json]) -> float | int:
    """1 where it may be; else the nearest bound, or the middle where exclusive bounds leave less than a whole number."""
    low, high = _bounds(schema)
    if low is not None and high is not None and low > high:
        middle = (low + high) / 2
        return _plain(middle)
    value = 1.0
    if low is not None:
        value = max(value, low)
    if high is not None:
        value = min(value, high)
    return _plain(value)


def _integer(schema: dict[str, Json]) -> int:
    value = math.ceil(_number(schema))
    step = schema.get("multipleOf")
    return math.ceil(value / step) * step if isinstance(step, int) and step > 0 else value


def _truth(_: dict[str, Json]) -> bool:
    return True


def _nothing(_: dict[str, Json]) -> None:
    return None


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _finite(value: Json) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53
    return float(value) if fits else None
