"""The JSON document: its schema, its bytes, and how it reaches the disk."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from hybridcheck.errors import OutputError, ToolError, UsageError
from hybridcheck.verdict import Verdict
from hybridcheck.writers import json_document
from hybridcheck.writers.formats import Page


def test_the_schema_is_a_schema_and_refuses_what_it_does_not_know(ready: Verdict) -> None:
    """Draft 2020-12, with an id, and no additional properties in any object of the model."""
    schema = json_document.verdict_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "urn:hybridcheck:verdict:1"
    assert schema["$schema"].endswith("2020-12/schema")
    objects = [schema, *(shape for shape in schema["$defs"].values() if shape.get("type") == "object")]
    assert all(shape["additionalProperties"] is False for shape in objects)
    document = json.loads(json_document.to_json(ready))
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate({**document, "extra": 1})


def test_the_schema_requires_every_section(ready: Verdict) -> None:
    """A document from which any section is taken away no longer matches."""
    document = json.loads(json_document.to_json(ready))
    validator = Draft202012Validator(json_document.verdict_schema())
    validator.validate(document)
    for section in document:
        rest = {name: value for name, value in document.items() if name != section}
        assert not validator.is_valid(rest), section


def test_the_document_is_canonical(blocked: Verdict) -> None:
    """Keys in the order of the model, two spaces, a newline at the end, and the same bytes each time."""
    text = json_document.render(blocked, Page())
    document = json.loads(text)
    assert list(document) == list(Verdict.model_fields)
    assert text == json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    assert json_document.to_json(blocked) == text


def test_what_is_not_a_json_number_is_refused(ready: Verdict) -> None:
    """NaN and Infinity never reach a document: that is our own fault and says so."""
    for wrong in (float("nan"), float("inf")):
        broken = ready.model_copy(update={"integration": {"latency": wrong}})
        with pytest.raises(ToolError, match="number that JSON cannot"):
            json_document.to_json(broken)


def test_a_document_against_its_schema_is_not_written(ready: Verdict, tmp_path: Path) -> None:
    """A verdict that was put together wrongly leaves no file behind."""
    broken = ready.model_copy(update={"exit_code": "zero"})
    with pytest.raises(ToolError, match="exit_code"), pytest.warns(UserWarning, match="exit_code"):
        json_document.write(broken, tmp_path / "verdict.json")
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_read_back_equal(hostile: Verdict, tmp_path: Path) -> None:
    """The document holds the whole verdict, hostile text included, and only the document is left in the folder."""
    path = tmp_path / "verdict.json"
    json_document.write(hostile, path)
    assert json_document.read(path) == hostile
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdict.json"]


def test_half_a_surrogate_pair_becomes_its_json_escape() -> None:
    """What UTF-8 has no bytes for is still a legal document."""
    assert json.loads(json_document.to_bytes('"\ud800"')) == "\ud800"


def test_a_failed_write_leaves_the_old_document(
    ready: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up in the middle costs the new document, not the old one, and leaves no part of a file."""
    path = tmp_path / "verdict.json"
    path.write_text("old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hybridcheck.writers.json_document.os.fsync", full_disk)
    with pytest.raises(ToolError, match="No space left"):
        json_document.write(ready, path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdict.json"]


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    """The error names the path and what to do."""
    with pytest.raises(OutputError) as caught:
        json_document.write_whole(b"x", tmp_path / "none" / "report.md")
    assert str(tmp_path) in caught.value.where
    assert caught.value.hint


@pytest.mark.parametrize(
    "content,told",
    [
        (b"", "not a JSON document"),
        (b"\xff\xfe\x00", "not a JSON document"),
        (b"[" * 100_000, "not a JSON document"),
        (b"[]", "no schema_version"),
        (b'{"schema_version": 1}', "no schema_version"),
        (b'{"schema_version": "2.0.0"}', "version 2.0.0"),
        (b'{"schema_version": "1.0.0"}', "not a verdict document"),
    ],
)
def test_what_is_no_verdict_is_a_usage_error(content: bytes, told: str, tmp_path: Path) -> None:
    """Anything but a verdict document of this major is refused with the reason."""
    path = tmp_path / "verdict.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=told):
        json_document.read(path)


def test_a_missing_document_is_a_usage_error(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(UsageError, match="No such file"):
        json_document.read(tmp_path / "verdict.json")
