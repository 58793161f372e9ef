"""Redaction over generated secrets: no encoding survives, equality does, and a second pass changes nothing."""

import base64
import json
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from hybridcheck.redact import Redactor

SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="‹›"), min_size=8, max_size=40)
AROUND = st.text(st.sampled_from("ab =&;\"'{}%+/\n"), max_size=6)


@given(SECRETS, AROUND, AROUND)
def test_no_encoding_of_a_secret_survives(secret: str, before: str, after: str) -> None:
    """Raw, JSON, URL and base64 in any alignment: masked with the secret's mask, found by `hits`, and idempotent."""
    redactor = Redactor(b"k")
    redactor.learn(secret, whole_only=False)
    for encoded in (
        secret,
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(f"{before}{secret}{after}".encode()).decode(),
        base64.urlsafe_b64encode(f"{before}{secret}{after}".encode()).decode(),
    ):
        text = f"{before} {encoded} {after}"
        masked = redactor.text(text)
        assert redactor.mask(secret) in masked
        assert redactor.hits(text.encode())
        assert redactor.hits(masked.encode()) == []
        assert redactor.text(masked) == masked


@given(st.lists(SECRETS, min_size=1, max_size=8, unique=True), st.data())
def test_each_of_many_secrets_gets_its_own_mask(secrets: list[str], data: st.DataObject) -> None:
    """However much they begin alike, the longest secret that stands at a place is the one that is masked."""
    redactor = Redactor(b"k")
    longer = [*secrets, *(secret + data.draw(SECRETS) for secret in secrets)]
    for secret in longer:
        redactor.learn(secret, whole_only=False)
    for secret in longer:
        assert redactor.text(secret) == redactor.mask(secret)


@given(st.binary(max_size=200), st.binary(max_size=20), SECRETS)
def test_bytes_without_a_secret_stay_as_they_are(content: bytes, after: bytes, secret: str) -> None:
    """Any bytes: unchanged where nothing is found, and around what is found."""
    redactor = Redactor(b"k")
    assert redactor.data(content) == (content, False)
    redactor.learn(secret, whole_only=False)
    assert redactor.hits(content + secret.encode() + after)
