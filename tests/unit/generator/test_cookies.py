"""Cookies are kept and sent as browsers do it: whose they are, where they go, and until when."""

from email.utils import formatdate

import pytest

from hybridcheck.generator.cookies import LONGEST_CHARACTERS, MOST_KEPT, Jar

GONE = "Expires=Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        (["a=1"], "a=1"),
        (["a=1; Path=/; HttpOnly; SameSite=Lax"], "a=1"),
        (["empty="], "empty="),
        (["a=b=c"], "a=b=c"),
        (['a="q r"'], 'a="q r"'),
        (["a", "=1", ""], ""),
        (["a=1; Secure"], ""),
        (["a=1; Domain=shop.example"], "a=1"),
        (["a=1; Domain=.EXAMPLE"], "a=1"),
        (["a=1; Domain=other.example"], ""),
        (["a=1; Domain=p.example"], ""),
        (["a=1; Domain="], "a=1"),
        (["a=1; Path=/cart"], "a=1"),
        (["a=1; Path=/cart/"], "a=1"),
        (["a=1; Path=/car"], ""),
        (["a=1; Path=/elsewhere"], ""),
        (["a=1; Path=cart"], "a=1"),
        (["far=1; Path=/", "near=2; Path=/cart"], "near=2; far=1"),
        (["a=1; Max-Age=0"], ""),
        (["a=1; Max-Age=-5"], ""),
        (["a=1; Max-Age=" + "9" * 5000], "a=1"),
        (["a=1; Max-Age=soon"], "a=1"),
        ([f"a=1; {GONE}"], ""),
        ([f"a=1; {GONE}; Max-Age=60"], "a=1"),
        ([f"a=1; Max-Age=0; Expires={formatdate(4e9, usegmt=True)}"], ""),
        (["a=1; Expires=Wednesday, 09-Nov-44 23:12:40 GMT"], "a=1"),
        (["a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT"], ""),
        (["a=1; Expires=Sun Nov  6 08:49:37 1994"], ""),
        (["a=1; Expires=whenever"], "a=1"),
        (["a=1; Expires=Thu, 99 Jan 99999999999 99:99:99 GMT"], "a=1"),
        (["a=1", f"a=gone; {GONE}; Path=/cart"], ""),
        (["a=1; Path=/", f"a=gone; {GONE}; Path=/cart"], "a=1"),
        (["a=" + "x" * LONGEST_CHARACTERS], ""),
    ],
)
def test_what_is_kept_is_what_may_be_sent(lines: list[str], sent: str) -> None:
    """Set by the answer to /cart/items of http://shop.example, asked for by the next request of the same path."""
    jar = Jar("shop.example")
    for line in lines:
        jar.keep(line, "/cart/items")
    assert jar.line("/cart/items") == sent


def test_a_path_is_that_of_the_request_where_none_is_said() -> None:
    """Its folder; what lies beside it gets nothing."""
    jar = Jar("h")
    jar.keep("a=1", "/cart/items")
    jar.keep("b=2", "/login")
    assert [jar.line(path) for path in ("/cart", "/cart/x", "/cartoon", "/")] == ["a=1; b=2", "a=1; b=2", "b=2", "b=2"]


def test_over_tls_secure_ones_are_kept_and_an_address_has_no_domain_above_it() -> None:
    """`Domain=0.0.1` is not the domain of 127.0.0.1."""
    jar = Jar("127.0.0.1", secure=True)
    for line in ("a=1; Secure", "b=2; Domain=0.0.1", "c=3; Domain=127.0.0.1"):
        jar.keep(line, "/")
    assert jar.line("/") == "a=1; c=3"


def test_one_that_has_ended_is_not_sent_any_more_and_the_oldest_makes_room() -> None:
    """By our own clock from the moment in which it came."""
    clock = [100.0]
    jar = Jar("h", now_s=lambda: clock[0])
    jar.keep("a=1; Max-Age=10", "/")
    clock[0] = 109.0
    assert jar.line("/") == "a=1"
    clock[0] = 110.0
    assert jar.line("/") == ""
    for number in range(MOST_KEPT + 2):
        jar.keep(f"n{number}=x", "/")
    assert len(jar.line("/").split("; ")) == MOST_KEPT
    assert "n1=" not in jar.line("/").split("x; ")
