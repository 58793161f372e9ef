"""The verdict as its canonical JSON document: one serialisation, checked against the published schema, written whole."""

import json
import math
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema

from hybridcheck.cases import Json
from hybridcheck.errors import OutputError, ToolError, UsageError
from hybridcheck.verdict import SCHEMA_VERSION, Verdict
from hybridcheck.writers.formats import Page

MAJOR = SCHEMA_VERSION.partition(".")[0]


class _Whole(GenerateJsonSchema):
    """Every field is required: a document that was written has all of them, and a reader may rely on it."""

    def field_is_required(self, field: object, total: bool) -> bool:  # noqa: FBT001 - the signature is pydantic's
        return True


@cache
def verdict_schema() -> dict[str, Json]:
    """The JSON Schema 2020-12 of the document, made from the model; unknown properties are refused everywhere."""
    described = Verdict.model_json_schema(mode="serialization", schema_generator=_Whole)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:hybridcheck:verdict:{MAJOR}",
        **described,
        "title": "hybridcheck verdict",
    }


def to_json(verdict: Verdict) -> str:
    """The document as text: keys in the order of the model, two spaces, no NaN or Infinity, a newline at the end.

    Raises:
        ToolError: the document does not match its own schema, or holds a number that JSON cannot.
    """
    wrong = next(_not_numbers(verdict.model_dump(), "$"), None)
    if wrong is not None:
        raise ToolError("the verdict holds a number that JSON cannot", where=f"verdict.json {wrong}")
    document = verdict.model_dump(mode="json")
    errors = sorted(Draft202012Validator(verdict_schema()).iter_errors(document), key=lambda error: error.json_path)
    if errors:
        listed = "; ".join(f"{error.json_path}: {error.message[:200]}" for error in errors[:5])
        raise ToolError(f"the verdict does not match its schema: {listed}", where="verdict.json")
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _not_numbers(value: Json, place: str) -> Iterator[str]:
    """Where NaN or Infinity is; pydantic would write null, as if nothing had been measured."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, part in parts:
        yield from _not_numbers(part, f"{place}.{key}")


def render(verdict: Verdict, page: Page) -> str:
    """The document; a page changes nothing about it."""
    return to_json(verdict)


def to_bytes(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which UTF-8 has no place for, becomes the escape that JSON has for it."""
    return text.encode("utf-8", errors="backslashreplace")


def write(verdict: Verdict, path: Path) -> None:
    """Write the document so that a reader finds either the whole of it or what was there before.

    Raises:
        ToolError: the disk is full or the like, after the run has been made; or see `to_json`, nothing is written then.
    """
    text = to_json(verdict)
    try:
        write_whole(to_bytes(text), path)
    except OutputError as error:
        hint = "make room, then `hybridcheck judge` the ledger beside it"
        raise ToolError(f"the verdict could not be written: {error.message}", where=error.where, hint=hint) from error


def write_whole(data: bytes, path: Path) -> None:
    """Write beside the path, sync to disk, and rename over it.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full; what was there before is still there.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write: {reason}", where=str(path), hint="choose another --output-dir") from error


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> Verdict:
    """A saved document.

    Raises:
        UsageError: no file, not JSON, not a verdict, or one of another major version.
    """
    hint = "give the verdict.json of a run"
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror or error}", where=str(path), hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not a JSON document: {error}", where=str(path), hint=hint) from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if not isinstance(version, str):
        raise UsageError("not a verdict document: it has no schema_version", where=str(path), hint=hint)
    if version.partition(".")[0] != MAJOR:
        advice = f"this hybridcheck reads major {MAJOR}; use the one that wrote it, or `hybridcheck judge` its ledger"
        raise UsageError(f"verdict document of version {version}", where=str(path), hint=advice)
    try:
        return Verdict.model_validate_json(json.dumps(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"not a verdict document: {place}: {first['msg']}", where=str(path), hint=hint) from error
