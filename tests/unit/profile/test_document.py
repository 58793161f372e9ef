"""YAML as plain data: lines are remembered, only JSON's types come out, and hostile files end in one clear complaint."""

from pathlib import Path

import pytest

from hybridcheck.profile.document import MOST_BYTES, Refused, read_bytes, read_document, spelled


def complaints(data: bytes) -> list[str]:
    """The complaints about a text as people see them."""
    return [str(complaint) for complaint in read_document(data, "p.yaml").complaints]


def test_lines_of_keys_and_items_are_remembered() -> None:
    """Every key and list item has the line in which it stands."""
    document = read_document(b"a: 1\nb:\n  - x\n  - {c: 2}\n", "p.yaml")
    assert document.value == {"a": 1, "b": ["x", {"c": 2}]}
    assert document.lines["b", 1, "c"] == 4
    assert document.place(("b", 1, "c")) == "p.yaml:4 b[1].c"
    assert document.place(("b", 1, "missing", "deeper")) == "p.yaml:4 b[1].missing.deeper"


@pytest.mark.parametrize(
    "text,value",
    [
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-31", "2026-01-31"),
        ("007", "007"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        ("1.2.3", "1.2.3"),
        ("true", True),
        ("False", False),
        ("200_000", 200_000),
        ("-3", -3),
        ("1e3", 1000.0),
        ("0.5", 0.5),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ("!!str 12", "12"),
    ],
)
def test_scalars_are_read_as_in_yaml_1_2(text: str, value: object) -> None:
    """Truth values, numbers and null are JSON's; words, dates and times stay text."""
    document = read_document(f"a: {text}\n".encode(), "p.yaml")
    assert document.complaints == []
    assert document.value == {"a": value}
    assert type(document.value["a"]) is type(value)


def test_merge_keys_and_aliases_are_expanded() -> None:
    """`<<` fills in what the mapping itself does not say."""
    document = read_document(b"base: &b {x: 1, y: 2}\nc: {y: 3, <<: *b}\nd: {<<: [*b, {z: 4}]}\n", "p.yaml")
    assert document.value["c"] == {"x": 1, "y": 3}
    assert document.value["d"] == {"x": 1, "y": 2, "z": 4}


def test_a_duplicate_key_names_both_lines() -> None:
    """The second of two equal keys is the error, and the first is named."""
    assert complaints(b"limits: {}\nname: a\nlimits: {}\n") == [
        "p.yaml:3 limits: this key stands in line 1 already (remove one, or put both under one key)"
    ]


@pytest.mark.parametrize(
    "data,part",
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "is a binary file, not YAML text"),
        (b"name: caf\xe9\n", "p.yaml:1: is not UTF-8 text"),
        (b"a: 1\nb: \x07\n", "p.yaml:2: holds the control character '\\x07'"),
        (b"[" * 200_000, "p.yaml:1: is nested deeper than 40 levels"),
        (b"- " * 200_000, "p.yaml:1: is nested deeper than 40 levels"),
        (b"a: &a [*a]\n", "is nested deeper than 40 levels"),
        (b"a: b\n" * 120_000, "holds more than 100,000 values"),
        (b"a:\n\t- b\n", "indent with spaces, not tabs"),
        (b"a: b: c\n", "quote a value that contains ': '"),
        (b"a: {b: /x/{id}}\n", "a value with {, [ or ? in it needs quotes"),
        (b"a: 'x\n", "a quote is not closed"),
        (b"a: *nowhere\n", "found undefined alias 'nowhere'"),
        (b"{a: 1}: 2\n", "has a list or a mapping as a key"),
        (b"---\na: 1\n---\nb: 1\n", "a profile is one document"),
        (
            b"a: !!python/object/apply:os.system [id]\n",
            "the YAML tag '!!python/object/apply:os.system' is not accepted",
        ),
        (b"a: !!binary aGk=\n", "the YAML tag '!!binary' is not accepted"),
        (b"a: !secret x\n", "the YAML tag '!secret' is not accepted"),
        (b"a: !!int x\n", "'x' is not a number"),
        (b"a: " + b"9" * 6000 + b"\n", "is not a number"),
        (b"a: 1e999\n", "this number is too large"),
        (b'a: "\\ud800"\n', "half of a surrogate pair is not text"),
        (b'a: "\\UFFFFFFFF"\n', "is not YAML"),
        (b"x" * (MOST_BYTES + 1), "is 1,048,577 bytes long; a profile has at most 1,048,576"),
    ],
)
def test_what_is_not_a_profile_is_refused_in_words(data: bytes, part: str) -> None:
    """Binary, broken, hostile and huge texts give a complaint that says what is wrong, and nothing is raised."""
    found = complaints(data)
    assert len(found) == 1
    assert part in found[0]


def test_an_alias_bomb_is_counted_before_it_is_built() -> None:
    """Aliases of aliases count as what they stand for."""
    lines = [b"a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]".encode())
    assert "holds more than 100,000 values (aliases expanded)" in complaints(b"\n".join(lines))[0]


def test_a_bomb_of_merge_keys_is_counted_too() -> None:
    """Merging mappings that merge mappings cannot run away either."""
    lines = [b"a: &a {x: 1}"]
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True):
        lines.append(f"{name}: &{name} {{<<: [{','.join([f'*{before}'] * 10)}]}}".encode())
    assert "holds more than 100,000 values" in complaints(b"\n".join(lines))[0]


def test_a_huge_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    """A sparse file of 100 MB is refused by its first megabyte, with its true size."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(Refused, match="is 100,000,000 bytes long"):
        read_bytes(path)


@pytest.mark.parametrize("name", ["", "/dev/zero", "absent.yaml", "a\0b"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, name: str) -> None:
    """A folder, a device, an absent file and an impossible name end in words."""
    with pytest.raises(Refused, match=r"is not a regular file|cannot be read"):
        read_bytes(tmp_path / name)


def test_key_paths_are_spelled_as_people_write_them() -> None:
    """Indexes in brackets, keys with dots."""
    assert spelled(("services", "auth", "operations", 2, "expect")) == "services.auth.operations[2].expect"
