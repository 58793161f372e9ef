"""Holding a JSON body against a schema of an OpenAPI document: dialects made one, hostile schemas bounded.

A schema is judged as JSON Schema 2020-12 with the whole document as its resource, so that local references and cycles
work as they are. `pattern` is left out: it is written for ECMA-262, and one of a stranger's can run for years.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import SchemaError, UnknownType, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from hybridcheck.cases import Json
from hybridcheck.openapi.document import Description

MOST_STEPS = 500_000
"""Keywords judged for one body; more is a schema that was made to take for ever."""

REFERENCE_STEPS = 10
"""What following a reference costs beside a plain keyword."""

Keyword = Callable[[Validator, Json, Json, Json], Iterable[ValidationError] | None]

LITERAL = frozenset({"const", "enum", "default", "example", "examples"})
DROPPED = frozenset({"pattern", "$id", "id", "$schema", "$dynamicRef", "$dynamicAnchor", "$anchor", "$vocabulary"})
RESOURCE = "urn:hybridcheck:openapi"


class NotUsable(ValueError):
    """A schema that cannot be held against anything; the message says why."""


class _TooMany(Exception):
    """The bound on steps was reached."""


def schema_complaint(description: Description, schema: Json, body: Json) -> str | None:
    """Where a body breaks a schema of the document, in words; None where it does not.

    Raises:
        NotUsable: where the schema is no schema, refers out of the document, or would take for ever.
    """
    if schema is None or schema is True:
        return None
    if not isinstance(schema, dict | bool):
        raise NotUsable("the schema is no object")
    try:
        judged = plain_schema(schema, old=description.dialect != "3.1")
        whole = {"$defs": {"judged": judged}, **_plain_root(description)}
        resource: Resource[Json] = Resource.from_contents(whole, default_specification=DRAFT202012)
        registry: Registry[Json] = Registry().with_resource(RESOURCE, resource)
        validator = _bounded()({"$ref": f"{RESOURCE}#/$defs/judged"}, registry=registry)
        error = best_match(validator.iter_errors(body))
    except Unresolvable as broken:
        raise NotUsable(f"a reference of the schema cannot be followed: {str(broken.ref)[:100]}") from broken
    except (SchemaError, UnknownType, TypeError, AttributeError, ValueError, KeyError) as broken:
        raise NotUsable(f"the schema is not valid: {type(broken).__name__} {str(broken)[:100]}") from broken
    except (RecursionError, _TooMany) as broken:
        raise NotUsable("the schema refers to itself without an end") from broken
    return f"body at {error.json_path}: {error.message[:300]}" if error else None


@lru_cache(maxsize=4)
def _plain_root(description: Description) -> dict[str, Json]:
    """The whole document as `plain_schema` gives it: one document is held against many answers."""
    plain: dict[str, Json] = plain_schema(description.root, old=description.dialect != "3.1")
    return plain


def plain_schema(node: Json, *, old: bool) -> Json:
    """A copy of a schema, or of a document full of them, with what 2020-12 does not know said in its words.

    `old` dialects (2.0 and 3.0) have `nullable` and boolean `exclusiveMinimum`; a `$ref` there stands alone.
    """
    if isinstance(node, list):
        return [plain_schema(item, old=old) for item in node]
    if not isinstance(node, dict):
        return node
    if old and isinstance(node.get("$ref"), str):
        return {"$ref": _local(node["$ref"])}
    made = {
        key: value if key in LITERAL else plain_schema(value, old=old)
        for key, value in node.items()
        if key not in DROPPED or isinstance(value, dict)
    }
    if isinstance(made.get("$ref"), str):
        made["$ref"] = _local(made["$ref"])
    if isinstance(made.get("patternProperties"), dict):  # which properties it covers is not known without patterns
        for key in ("patternProperties", "additionalProperties", "unevaluatedProperties"):
            made.pop(key, None)
    return _modern(made) if old else made


def _modern(made: dict[str, Json]) -> dict[str, Json]:
    """`nullable` as a type, exclusive bounds as numbers."""
    for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(name), bool):
            exclusive = made.pop(name)
            if exclusive and bound in made:
                made[name] = made.pop(bound)
    if made.pop("nullable", None) is True or made.pop("x-nullable", None) is True:
        return {"anyOf": [made, {"type": "null"}]}
    if made.get("type") == "file":
        made.pop("type")
    return made


def _local(reference: str) -> str:
    """A local reference made absolute, so that it means the document wherever it stands."""
    return RESOURCE + reference if reference.startswith("#") else reference


def _bounded() -> type[Validator]:
    """The 2020-12 validator with a bound on its steps."""
    left = [MOST_STEPS]

    def counted(judge: Keyword, cost: int) -> Keyword:
        def step(validator: Validator, value: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
            left[0] -= cost
            if left[0] < 0:
                raise _TooMany
            yield from judge(validator, value, instance, schema) or ()

        return step

    def unique(validator: Validator, value: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
        left[0] -= len(instance) ** 2 if isinstance(instance, list) else 0  # what comparing all with all may cost
        yield from judges["uniqueItems"](validator, value, instance, schema) or () if left[0] > 0 else ()

    judges = {
        name: counted(judge, REFERENCE_STEPS if name == "$ref" else 1)
        for name, judge in Draft202012Validator.VALIDATORS.items()
    }
    bounded: type[Validator] = extend(Draft202012Validator, {**judges, "uniqueItems": unique})  # type: ignore[no-untyped-call]
    return bounded
