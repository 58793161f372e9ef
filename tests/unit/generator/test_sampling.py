"""A sample of the answers is held against the schema: about one in N, the same ones for the same seed; wrong ones are told."""

import pytest

from hybridcheck.generator.answer import LookingReader
from hybridcheck.generator.orders import Operation
from hybridcheck.generator.recording import Book
from hybridcheck.generator.sampling import Sampler, TooDeep

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


@pytest.mark.parametrize(("every", "fewest", "most"), [(1, 1000, 1000), (10, 80, 120)])
def test_about_one_in_so_many_is_due_and_the_first_always_is(every: int, fewest: int, most: int) -> None:
    """Of a thousand answers; another seed chooses others, the same seed the same ones."""
    chosen = []
    for seed in ("1/a", "1/a", "2/a"):
        sampler = Sampler(SCHEMA, every, seed)
        chosen.append([index for index in range(1000) if sampler.due()])
    assert chosen[0][0] == 0
    assert fewest <= len(chosen[0]) <= most
    assert chosen[0] == chosen[1]
    assert every == 1 or chosen[0] != chosen[2]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"id": 1}', None),
        (b'{"id": "1"}', "$.id"),
        (b"{}", "'id' is a required property"),
        (b'{"id": 1', "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_wrong_is_told_in_words(body: bytes, fault: str | None) -> None:
    """Broken JSON and values of another kind; nothing where all is as declared."""
    found = Sampler(SCHEMA, 1, "s").fault(body)
    assert (found is None) if fault is None else (found is not None and found[0] == "schema" and fault in found[1])


NESTED = {
    "$defs": {"n": {"required": ["v"], "properties": {"v": {"type": "integer"}, "c": {"$ref": "#/$defs/n"}}}},
    "$ref": "#/$defs/n",
}


def test_a_body_deeper_than_we_can_follow_is_not_looked_into_and_no_failure() -> None:
    """Right all the way down, where the schema comes back to itself: our limit. Wrong at the top: as wrong as ever."""
    right = b'{"v":1,"c":' * 400 + b'{"v":1}' + b"}" * 400
    with pytest.raises(TooDeep):
        Sampler(NESTED, 1, "s").fault(right)
    assert Sampler(NESTED, 1, "s").fault(b'{"v":1,"c":' * 9 + b'{"v":1}' + b"}" * 9) is None
    ordered = {"name": "a", "method": "GET", "expected_statuses": [200], "content_type": None, "body_contains": None}
    looked: list[bool] = []
    reader = LookingReader(lambda: looked.append(True))
    for body, problem in ((right, None), (b'{"c":1}', "schema")):
        reader.expect(Operation(ordered, b"", Book("a", (), 0, 5), Sampler(NESTED, 1, "s")))
        reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert (reader.problem, bool(reader.complete)) == (problem, True)
    assert looked == [True]


@pytest.mark.parametrize("number", [b"1e400", b"1" + b"0" * 400, b"NaN"])
def test_a_number_that_cannot_be_divided_is_not_as_declared(number: bytes) -> None:
    """It is no multiple of a hundredth, and no fault of ours."""
    found = Sampler({"multipleOf": 0.01}, 1, "s").fault(number)
    assert found is not None
    assert found[0] == "schema"


def test_a_wrong_answer_of_the_sample_is_a_problem_of_its_own_kind() -> None:
    """And nothing of the answers beside the sample is kept."""
    ordered = {"name": "a", "method": "GET", "expected_statuses": [200], "content_type": None, "body_contains": None}
    looked: list[bool] = []
    reader = LookingReader(lambda: looked.append(True))
    operation = Operation(ordered, b"", Book("a", (), 0, 5), Sampler(SCHEMA, 3, "s"))
    problems = []
    for _ in range(30):
        reader.expect(operation)
        reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        problems.append(reader.problem)
        assert bool(reader.body) is (reader.problem is not None)
    assert set(problems) == {"schema", None}
    assert problems.count("schema") == len(looked)
