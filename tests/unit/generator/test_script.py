"""Users: rows in their order, requests filled in without breaking apart, cookies kept and forgotten."""

import json
import random
from typing import Any

import pytest

from hybridcheck.generator.operation import Operation
from hybridcheck.generator.recording import Book
from hybridcheck.generator.script import NotRendered, Rows, Step, User

ROWS = [{"n": number} for number in range(4)]
ORDERED = {"name": "a", "method": "POST", "expected_statuses": [200], "content_type": None, "body_contains": None}


def step(path: object = (), body: object = (), headers: object = (), *, as_user: bool = False) -> Step:
    """A POST in these pieces."""
    operation = Operation(ORDERED, b"", Book("a", (), 0, 5))
    return Step(operation, path, headers, {"host": ("Host", "h")}, body, (), (0, 0), as_user, "/base")  # type: ignore[arg-type]


def user(**variables: object) -> User:
    """A user who knows these things."""
    return User(0, (("Authorization", "Bearer t"),), random.Random(1), dict(variables))


def test_rows_come_in_the_order_that_was_asked_for() -> None:
    """Again and again, once, or drawn by the seed; those of a process without any row come to an end at once."""
    circular, once = Rows("f", "circular", ROWS, "s"), Rows("f", "once", ROWS, "s")
    assert [circular.take() for _ in range(6)] == [*ROWS, *ROWS[:2]]
    assert [once.take() for _ in range(6)] == [*ROWS, None, None]
    drawn = [
        [rows.take() for _ in range(50)] for rows in (Rows("f", "random", ROWS, "s"), Rows("f", "random", ROWS, "s"))
    ]
    assert drawn[0] == drawn[1] != [*ROWS] * 12
    assert all(row in ROWS for row in drawn[0])
    assert [Rows("f", order, [], "s").take() for order in ("circular", "once", "random")] == [None] * 3


def test_an_iteration_begins_anew_with_what_setup_gave() -> None:
    """What the last iteration extracted is gone; rows are under the feeder's name; without a row there is none."""
    somebody, rows = user(left="over"), Rows("f", "once", ROWS[:1], "s")
    assert somebody.begin([rows], {"cart": 3})
    assert somebody.variables == {"cart": 3, "user": 0, "iteration": 0, "f": {"n": 0}}
    assert not somebody.begin([rows], {})


def test_values_are_written_so_that_they_stay_values() -> None:
    """Encoded in a path, JSON in a body, escaped within a text; the length is that of the bytes."""
    hostile = 'a/b?"\n é'
    request = user(v=hostile, n=7).request(
        step(
            path=[["text", "/x/"], ["url", "v"]],
            body=[["text", '{"n":'], ["json", "n"], ["text", ',"v":"'], ["inner", "v"], ["text", '"}']],
        )
    )
    head, body = request.split(b"\r\n\r\n")
    assert head.startswith(b"POST /base/x/a%2Fb%3F%22%0A%20%C3%A9 HTTP/1.1\r\nHost: h\r\n")
    assert json.loads(body) == {"n": 7, "v": hostile}
    assert f"Content-Length: {len(body)}".encode() in head


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\0", "日"])
def test_a_header_cannot_be_broken_apart(value: str) -> None:
    """What no header can carry is no request at all."""
    with pytest.raises(NotRendered):
        user(v=value).request(step(headers=[("X-V", [["raw", "v"]])]))


HALF_A_PAIR = json.loads('"a\\ud83d"')
"""What a target can answer in JSON, and nobody can write as text."""


@pytest.mark.parametrize(
    "pieces",
    [{"path": [["url", "v"]]}, {"headers": [("X-V", [["raw", "v"]])]}, {"body": [["raw", "v"]]}],
)
def test_half_of_a_surrogate_pair_is_no_request(pieces: dict[str, Any]) -> None:
    """Wherever it stands as text; in a JSON body it is written as an escape."""
    with pytest.raises(NotRendered, match=r"a value cannot be written as .*(surrogates|range)"):
        user(v=HALF_A_PAIR).request(step(**pieces))
    assert user(v=HALF_A_PAIR).request(step(body=[["json", "v"]])).endswith(b'"a\\ud83d"')


def test_a_name_without_a_value_is_no_request() -> None:
    """Also one below a row."""
    for name in ("v", "f.x", "f.n.x"):
        with pytest.raises(NotRendered, match=f"no variable '{name}'"):
            user(f={"n": 1}).request(step(path=[["url", name]]))


def test_a_user_has_its_own_credential_and_cookies() -> None:
    """The credential only where the operation wants one; a cookie that has ended is not sent any more."""
    somebody = user()
    assert b"Authorization" not in somebody.request(step())
    for line in ("session=1; Path=/; HttpOnly", "theme=dark", "session=2", "theme=; Max-Age=0", "broken"):
        somebody.keep_cookie(line)
    head = somebody.request(step(as_user=True))
    assert b"Authorization: Bearer t\r\n" in head
    assert b"Cookie: session=2\r\n" in head
