"""Redaction: no encoding of a learned secret survives, equality does, and short secrets do not eat language."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from hybridcheck.redact import MASK, Redactor

SECRET = 'pä"ss/wo+rd & <7>'


@pytest.fixture
def redactor() -> Redactor:
    """A redactor that knows one awkward secret and a plain one."""
    made = Redactor(b"key of this run")
    made.learn(SECRET)
    made.learn("correct-horse-battery")
    return made


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        json.dumps({"password": SECRET}),
        json.dumps({"password": SECRET}, ensure_ascii=False),
        json.dumps({"a": SECRET}).replace("/", r"\/"),
        f"?q={quote(SECRET, safe='')}&x=1",
        f"?q={quote(SECRET, safe='').lower().replace('p%c3%a4', 'p%c3%a4')}",
        f"q={quote_plus(SECRET)}",
        f"<p>{html.escape(SECRET)}</p>",
        SECRET.encode().decode("latin-1"),
        *(base64.b64encode(b"user:ab"[:n] + SECRET.encode() + b"tail").decode() for n in range(1, 7)),
        *(base64.urlsafe_b64encode(b"user:ab"[:n] + SECRET.encode()).decode() for n in range(1, 7)),
    ],
)
def test_every_encoding_is_masked_and_found(redactor: Redactor, text: str) -> None:
    """A secret is masked with its own mask in each encoding; `hits` finds it before and not after."""
    masked = redactor.text(text)
    assert redactor.mask(SECRET) in masked
    assert [hit.mask for hit in redactor.hits(text.encode())] == [redactor.mask(SECRET)]
    assert redactor.hits(masked.encode()) == []
    assert redactor.text(masked) == masked


def test_equality_survives_within_a_run_and_not_between_runs() -> None:
    """The same secret has the same mask under one key and another under another; different secrets differ."""
    one, other = Redactor(b"one"), Redactor(b"other")
    assert one.mask("correct-horse") == one.mask("correct-horse")
    assert one.mask("correct-horse") != one.mask("correct-house")
    assert one.mask("correct-horse") != other.mask("correct-horse")
    assert MASK.fullmatch(one.mask("correct-horse"))


def test_the_longest_of_nested_secrets_wins() -> None:
    """A secret that begins like another is masked as itself."""
    redactor = Redactor(b"k")
    for secret in ("token-abcdef", "token-abcdef-123456", "token-abcxyz"):
        redactor.learn(secret)
    masked = redactor.text("token-abcdef-123456 token-abcdef token-abcxyz")
    assert masked == " ".join(map(redactor.mask, ("token-abcdef-123456", "token-abcdef", "token-abcxyz")))


def test_a_short_secret_is_masked_only_as_a_whole_value() -> None:
    """Inside words and as a JSON key it stays; as JSON string, form value, cookie, header or whole text it goes."""
    redactor = Redactor(b"k")
    redactor.learn("pw1")
    mask = redactor.mask("pw1")
    assert redactor.text('{"pw1": 1, "a": "xpw1x", "b": "pw1"}') == f'{{"pw1": 1, "a": "xpw1x", "b": "{mask}"}}'
    assert redactor.text("a=pw1&b=pw12") == f"a={mask}&b=pw12"
    assert redactor.text("pw1") == mask
    assert redactor.text("the pw1 word") == "the pw1 word"
    assert redactor.header("X-Anything", "pw1") == mask
    assert redactor.header("Cookie", "a=pw1; b=") == f"a={mask}; b="
    assert redactor.header("Cookie", "pw1=x") == f"pw1={redactor.mask('x')}"
    assert redactor.json({"pw1": ["pw1"]}) == {"pw1": [mask]}


def test_a_word_of_our_own_is_a_whole_value_too() -> None:
    """Somebody's password "password" must not mask the word in records and profiles."""
    redactor = Redactor(b"k")
    redactor.learn("password")
    assert redactor.text("auth.wrong-password-refused") == "auth.wrong-password-refused"
    assert redactor.text('{"password":"password"}') == f'{{"password":"{redactor.mask("password")}"}}'


def test_credential_headers_are_masked_unlearned_and_keep_their_scheme() -> None:
    """Nobody has to announce what stands in Authorization, X-API-Key, Cookie or Set-Cookie."""
    redactor = Redactor(b"k")
    assert redactor.header("Authorization", "Bearer opaque") == f"Bearer {redactor.mask('opaque')}"
    assert redactor.header("proxy-authorization", "Basic dTpw") == f"Basic {redactor.mask('dTpw')}"
    assert redactor.header("Authorization", "bare") == redactor.mask("bare")
    assert redactor.header("X-API-Key", "two words") == redactor.mask("two words")
    assert redactor.header("Cookie", 'a=1; b="2"') == f'a={redactor.mask("1")}; b="{redactor.mask("2")}"'
    assert redactor.header("Set-Cookie", "sid=abc; Path=/; Secure") == f"sid={redactor.mask('abc')}; Path=/; Secure"
    for name, value in (("Authorization", "Bearer opaque"), ("Set-Cookie", "sid=abc; Path=/")):
        once = redactor.header(name, value)
        assert redactor.header(name, once) == once


def test_an_encoded_secret_in_a_header_has_the_secrets_mask(redactor: Redactor) -> None:
    """A cookie that holds the URL-encoded secret compares equal to the secret elsewhere."""
    assert redactor.header("Set-Cookie", f"sid={quote(SECRET, safe='')}") == f"sid={redactor.mask(SECRET)}"


def test_a_jwt_is_masked_unlearned_and_host_names_are_not() -> None:
    """Three base64url parts that begin like a JSON object are a token; a dotted name is not."""
    redactor = Redactor(b"k")
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    token = f"{header}.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    assert redactor.text(f'{{"t":"{token}"}}') == f'{{"t":"{redactor.mask(token)}"}}'
    assert redactor.text(f"{header}.eyJzdWIiOiIxIn0.") == redactor.mask(f"{header}.eyJzdWIiOiIxIn0.")
    assert redactor.text("analytics-service.internal-domain.example-long") == (
        "analytics-service.internal-domain.example-long"
    )


def test_a_tampered_token_does_not_equal_the_token() -> None:
    """A judge can still see that another token was sent than the one that was given."""
    redactor = Redactor(b"k")
    redactor.learn("opaque-token-1")
    assert redactor.header("Authorization", "Bearer opaque-token-1x") != redactor.header(
        "Authorization", "Bearer opaque-token-1"
    )


def test_bytes_that_are_no_text_are_searched(redactor: Redactor) -> None:
    """A secret between bytes that are not UTF-8 is masked, and the rest stays as it was."""
    masked, touched = redactor.data(b"\xff\x00correct-horse-battery\xfe")
    assert touched
    assert masked == b"\xff\x00" + redactor.mask("correct-horse-battery").encode() + b"\xfe"
    assert redactor.data(b"\xff\x00nothing\xfe") == (b"\xff\x00nothing\xfe", False)


def test_the_first_half_of_a_secret_at_a_cut_end_is_masked(redactor: Redactor) -> None:
    """A body that was cut inside a secret does not show the half that came."""
    masked, touched = redactor.data(b"token: correct-horse", cut=True)
    assert touched
    assert b"correct" not in masked
    assert redactor.data(b"token: correct-horse", cut=False) == (b"token: correct-horse", False)


def test_lone_surrogates_do_not_break_it(redactor: Redactor) -> None:
    """Text that no UTF-8 file can hold becomes text that it can."""
    assert redactor.text("a\ud800b").encode() == b"a?b"


def test_what_is_learned_later_counts_from_then_on() -> None:
    """Learning between two calls rebuilds what is searched for; an empty secret is nothing."""
    redactor = Redactor(b"k")
    redactor.learn("")
    assert redactor.text("later-secret") == "later-secret"
    redactor.learn("later-secret")
    assert redactor.text("later-secret") == redactor.mask("later-secret")


def test_pieces_of_several_secrets_are_none_of_them() -> None:
    """A text whose every character stands in some secret at that place is no secret; the marks of patterns are letters."""
    redactor = Redactor(b"k")
    secrets = ("]^-[&&~|a", "\\d--||..b", "abcdefghi", "ABCDEFGHI")
    for secret in secrets:
        redactor.learn(secret)
    for mixed in ("aBcDeFgHi", "]B-DeF~Hi", "\\^cD|F.hI"):
        assert redactor.text(mixed) == mixed
        assert redactor.hits(mixed.encode()) == []
    for secret in secrets:
        assert redactor.text(f"x{secret}x") == f"x{redactor.mask(secret)}x"
        assert [hit.offset for hit in redactor.hits(f"x{secret}{secret}".encode())] == [1, 1 + len(secret.encode())]


def test_secrets_that_come_one_after_the_other_are_found_as_if_all_had_come_at_once() -> None:
    """Of hundreds the latest are sought beside the others, in any order, next to masks and tokens."""
    secrets = [f"{number:03}-{number * 7919:06}-token" for number in range(300)]
    slowly, at_once = Redactor(b"k"), Redactor(b"k")
    for secret in secrets:
        at_once.learn(secret)
    for number, secret in enumerate(secrets):
        slowly.learn(secret)
        if number % 20 != 19:
            continue
        text = f"{secret} {slowly.mask('other one')} {secrets[0]}{secret} eyJhbGciOiJI.eyJzdWIiOiIx.c2ln {secrets[number // 2]}"
        assert slowly.text(text) == at_once.text(text)
        assert "-token" not in slowly.text(text)
        found = [hit.offset for hit in slowly.hits(text.encode())]
        assert found == [hit.offset for hit in at_once.hits(text.encode())]
        assert len(found) == 4
