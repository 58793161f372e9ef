"""The published JSON Schema (2020-12) of a profile, for editors: what pydantic says, plus the forms of the file only.

The file knows short forms (`GET /x -> 200` for an operation, one load phase without a name, a status for `expect`),
keys that are rewritten (`base`, `request`, `check`), and references (`env:NAME`) in the place of any scalar.
"""

from typing import Any

from hybridcheck.cases import Json
from hybridcheck.profile.models import Profile

SCHEMA_ID = "urn:hybridcheck:profile:1"

REFERENCE = {
    "type": "string",
    "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*(\|.*)?|file:.+)$",
    "description": "env:NAME, env:NAME|default or file:PATH",
}
REFERENCE_HERE = {"$ref": "#/$defs/reference"}
OPERATION_TEXT = {
    "type": "string",
    "pattern": r"^([A-Z]+\s+)?/\S*(\s*->\s*\d{3})?$",
    "description": "GET /path, or GET /path -> 204",
}
PATH_TEXT = {"type": "string", "pattern": r"^/\S*(\s*->\s*\d{3})?$"}
SCALARS = frozenset({"integer", "number", "boolean"})

Node = dict[str, Any]


def profile_schema() -> Node:
    """The schema as plain data; the caller may change it."""
    schema: Node = Profile.model_json_schema(mode="validation", by_alias=True)
    definitions: Node = schema["$defs"]
    _allow_references(schema)
    for definition in definitions.values():
        _allow_references(definition)
    _short_operations(schema, definitions)
    _numbers_as_text(definitions)
    _short_forms(definitions)
    _load(schema, definitions)
    _identity(definitions["Identity"])
    _waiver(definitions["Waiver"])
    schema["properties"]["not_applicable"]["propertyNames"] = {"not": {"enum": ["alive", "contract"]}}
    definitions["reference"] = dict(REFERENCE)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **schema,
        "title": "hybridcheck profile",
    }


def _allow_references(definition: Node) -> None:
    for name, part in definition.get("properties", {}).items():
        definition["properties"][name] = _with_reference(part)


def _with_reference(part: Json) -> Json:
    """The schema of a value, or a reference wherever a scalar stands that plain text would not pass for."""
    if not isinstance(part, dict):
        return part
    if part.get("writeOnly"):
        kept = {key: part[key] for key in ("title", "description", "default") if key in part}
        return {**kept, **REFERENCE_HERE}
    for key in ("anyOf", "oneOf", "allOf"):
        if key in part:
            part[key] = [_with_reference(member) for member in part[key]]
    if "patternProperties" in part:  # names that do not fit the pattern are errors, as in the models
        part["patternProperties"] = {key: _with_reference(item) for key, item in part["patternProperties"].items()}
        part["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if key in part:
            part[key] = _with_reference(part[key])
    narrow_text = part.get("type") == "string" and bool({"pattern", "enum", "minLength"} & part.keys())
    if part.get("type") in SCALARS or narrow_text or "const" in part:
        outer = {key: part.pop(key) for key in ("title", "description", "default") if key in part}
        return {**outer, "anyOf": [part, REFERENCE_HERE]}
    return part


def _short_operations(schema: Node, definitions: Node) -> None:
    definitions["Service"]["properties"]["base"] = {"type": "string", "description": "Prefix of the service's paths."}
    for owner in (schema, definitions["Service"]):
        owner["properties"]["operations"]["items"] = {"anyOf": [OPERATION_TEXT, {"$ref": "#/$defs/Operation"}]}
    operation = definitions["Operation"]
    operation["properties"]["request"] = dict(OPERATION_TEXT)
    operation["properties"]["path"] = {"type": "string", "pattern": r"^(/|$|env:|file:)", "maxLength": 2000}
    operation.pop("required", None)
    operation["anyOf"] = [{"required": ["request"]}, {"required": ["id", "path"]}]


def _short_forms(definitions: Node) -> None:
    """Definitions that may be written as one scalar: the long form moves into an `anyOf`."""
    status: Node = {"type": "integer", "minimum": 100, "maximum": 599}
    expect = definitions["Expect"]["properties"]
    expect["status"] = {"anyOf": [status, REFERENCE_HERE, expect["status"]]}
    for name, short in (("Expect", status), ("Reference", PATH_TEXT), ("StreamSpec", {"type": "string"})):
        definitions[name] = {"anyOf": [dict(short), REFERENCE_HERE, definitions[name]]}


def _numbers_as_text(definitions: Node) -> None:
    """Parts of a request in which `page: 1` is text as it is sent."""
    text: Node = {"type": ["string", "number"]}
    for name, keys in (
        ("Operation", ("params", "query", "headers")),
        ("Example", ("query",)),
        ("StreamSpec", ("query",)),
        *((name, ("params", "query", "headers")) for name in ("Step", "Stage", "StepChange")),
    ):
        for key in keys:
            definitions[name]["properties"][key]["additionalProperties"] = dict(text)
    definitions["Expect"]["properties"]["headers"]["additionalProperties"] = dict(text)


def _load(schema: Node, definitions: Node) -> None:
    phase: Node = {"$ref": "#/$defs/LoadPhaseSpec"}
    phases = schema["properties"]["load"]
    schema["properties"]["load"] = {"description": "One phase, or phases by name.", "anyOf": [phase, phases]}
    operations = definitions["LoadPhaseSpec"]["properties"]["operations"]
    named: Node = {"type": "array", "items": {"type": "string"}}
    definitions["LoadPhaseSpec"]["properties"]["operations"] = {"anyOf": [named, operations]}


def _identity(identity: Node) -> None:
    identity["oneOf"] = [{"required": [way]} for way in ("token", "api_key", "basic", "password")]
    identity["dependentRequired"] = {"username": ["password"], "password": ["username"]}


def _waiver(waiver: Node) -> None:
    waiver["properties"]["check"] = waiver["properties"].get("case") or {"type": "string"}
    waiver["properties"]["case"] = waiver["properties"]["check"]
    waiver["required"] = [key for key in waiver.get("required", []) if key not in {"case", "check"}]
    waiver["oneOf"] = [{"required": ["case"]}, {"required": ["check"]}]
