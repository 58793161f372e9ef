"""Masks: how a secret is taken out of everything that reaches a disk, and how an artefact is searched for one.

A secret becomes `‹secret:KEYED-DIGEST:LENGTH›`. The digest is keyed per run, so equal secrets stay recognisable as
equal within a run and say nothing outside it. Secrets are learned by value and found in their usual encodings.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

SHORT_SECRET = 8
"""Secrets with fewer characters are masked only where they are a whole value; inside words they would mask language."""

OWN_WORDS = frozenset({"password", "username", "identity", "analytics", "dashboard", "streaming", "monitoring"})
"""Words of profiles and records that some test systems also have as passwords; as parts of text they are no secret."""

CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key"})
"""Headers whose credential is masked although nobody announced it."""

MASK = re.compile(r"‹secret:([0-9a-f]{12}):(\d{1,6})›")
"""What a masked secret looks like; group 1 is its digest, group 2 its length in characters."""

_MASK_BEGINS = "‹".encode()
_MASK_BYTES = r"‹secret:[0-9a-f]{12}:\d{1,6}›".encode()
# The letter comes first and what must not be before it second: a look back at every place is most of a search's time.
_JWT_BYTES = rb"e(?<![A-Za-z0-9_-]e)(?:yJ|yA|wo|w0)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"
_JWT = re.compile(_JWT_BYTES)
_MANY, _FORMS = 1000, 16
"""Forms whose pattern takes some milliseconds to make; and about as many forms has a secret."""
_SCHEME = re.compile(r"(\s*(?:[A-Za-z][A-Za-z0-9_-]*\s+)?)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Hit:
    """A learned secret that was found where none may be: its offset in bytes and the mask it should have had."""

    offset: int
    mask: str


class Redactor:
    """Masks learned secrets, and credentials that are recognisable by their place or their shape.

    Args:
        key: the run's own random key, up to 64 bytes; without it a digest cannot be compared with guesses.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._secret_of: dict[bytes, str] = {}
        self._short_of: dict[bytes, str] = {}
        self._forms_by_beginning: dict[bytes, list[bytes]] = {}
        self._recent: set[bytes] = set()
        self._pattern = re.compile(b"|".join((_MASK_BYTES, _JWT_BYTES)))
        self._latest: re.Pattern[bytes] | None = None
        self._whole: re.Pattern[bytes] | None = None
        self._recent_is_new = self._short_is_new = False

    def learn(self, secret: str, *, whole_only: bool | None = None) -> None:
        """Mask this value and its encodings from now on; an empty one is nothing.

        Args:
            secret: the value as it is, not encoded.
            whole_only: mask it only as a whole value; a short one always, a longer one where it is a word of our own
                records unless this says otherwise.
        """
        if not secret:
            return
        short = len(secret) < SHORT_SECRET
        if short or (secret.lower() in OWN_WORDS if whole_only is None else whole_only):
            self._short_of.update((form, secret) for form in _text_forms(secret) if form not in self._short_of)
            self._short_is_new = True
            return
        for form in (*_text_forms(secret), *_base64_forms(secret)):
            if form not in self._secret_of:
                self._secret_of[form] = secret
                self._index(form)

    def _index(self, form: bytes) -> None:
        """Remember the form under its first bytes; only new first bytes change a pattern."""
        beginning = form[:SHORT_SECRET]
        if beginning not in self._forms_by_beginning:
            self._recent.add(beginning)
            self._recent_is_new = True
        forms = self._forms_by_beginning.setdefault(beginning, [])
        forms.append(form)
        forms.sort(key=len, reverse=True)

    def mask(self, secret: str) -> str:
        """The mask of a value: the same for the same value throughout a run."""
        digest = hashlib.blake2b(secret.encode("utf-8", "replace"), key=self._key, digest_size=6).hexdigest()
        return f"‹secret:{digest}:{len(secret)}›"

    def text(self, value: str) -> str:
        """The text without secrets; lone surrogates, which no UTF-8 file can hold, become question marks."""
        raw = value.encode("utf-8", "replace")
        masked, _ = self.data(raw)
        return masked.decode("utf-8", "replace")

    def data(self, value: bytes, *, cut: bool = False) -> tuple[bytes, bool]:
        """The bytes without secrets, and whether there were any; `cut` says that the end may be half a secret."""
        self._refresh()
        masked = self._masked(value)
        if self._whole is not None:
            masked = self._whole.sub(lambda match: self.mask(self._short_of[match[0]]).encode(), masked)
        if cut:
            masked = self._without_cut_secret(masked)
        return masked, masked != value

    def json(self, value: Any) -> Any:
        """The JSON value with every string in it without secrets; in keys, short secrets stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._name(str(key)): self.json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        return value

    def header(self, name: str, value: str) -> str:
        """A header's value: credentials and cookie values are masked even when nobody announced them."""
        lowered = name.lower()
        if lowered in CREDENTIAL_HEADERS:
            scheme, credential = ("", value) if lowered == "x-api-key" else _split_scheme(value)
            return scheme + self._value(credential)
        if lowered == "cookie":
            return ";".join(self._cookie(pair) for pair in value.split(";"))
        if lowered == "set-cookie":
            pair, separator, attributes = value.partition(";")
            return self._cookie(pair) + separator + self.text(attributes)
        return self.text(value)

    def hits(self, artefact: bytes) -> list[Hit]:
        """Where the artefact holds a learned secret in any encoding; those masked only as whole values are not sought.

        A short value that stands somewhere by chance cannot be told from a leak.
        """
        self._refresh()
        found: list[Hit] = []
        position = 0
        search = self._search(artefact)
        while match := search(position):
            form = self._form_at(artefact, match.start())
            if form is not None:
                found.append(Hit(match.start(), self.mask(self._secret_of[form])))
            position = match.start() + (len(form) if form is not None else 1)
        return found

    def is_in(self, value: str) -> bool:
        """Whether the text holds a learned secret in any encoding."""
        return bool(self.hits(value.encode("utf-8", "replace")))

    def _name(self, name: str) -> str:
        """A name without secrets; a short secret that it happens to equal says nothing there."""
        self._refresh()
        return self._masked(name.encode("utf-8", "replace")).decode("utf-8", "replace")

    def _cookie(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        quoted = len(value) > 1 and value[0] == value[-1] == '"'
        masked = f'"{self._value(value[1:-1])}"' if quoted else self._value(value)
        return self._name(name) + equals + masked

    def _value(self, value: str) -> str:
        bare = value.strip()
        if not bare or MASK.fullmatch(bare):
            return value
        raw = bare.encode("utf-8", "replace")
        return self.mask(self._secret_of.get(raw) or self._short_of.get(raw) or bare)

    def _masked(self, value: bytes) -> bytes:
        """The bytes with learned secrets and tokens masked; masks that are there already stay as they are."""
        parts: list[bytes] = []
        position = copied = 0
        search = self._search(value)
        while match := search(position):
            start, end = match.span()
            if match[0].startswith(_MASK_BEGINS):
                position = end
                continue
            found = self._form_at(value, start) or _token_at(value, start)
            if not found:
                position = start + 1
                continue
            parts += [value[copied:start], self.mask(self._secret_of.get(found) or found.decode()).encode()]
            position = copied = start + len(found)
        return b"".join((*parts, value[copied:])) if parts else value

    def _search(self, value: bytes) -> Callable[[int], re.Match[bytes] | None]:
        """Gives the first place from a position on where a secret, a token or a mask may be; positions do not go back."""
        if self._latest is None:
            return partial(self._pattern.search, value)
        return _Search(value, self._pattern, self._latest).first_from

    def _form_at(self, value: bytes, start: int) -> bytes | None:
        """The longest form of a learned secret that stands at this place."""
        forms = self._forms_by_beginning.get(value[start : start + SHORT_SECRET], ())
        return next((form for form in forms if value.startswith(form, start)), None)

    def _without_cut_secret(self, value: bytes) -> bytes:
        for form, secret in self._secret_of.items():
            begin = value.rfind(form[:SHORT_SECRET], max(0, len(value) - len(form)))
            if begin >= 0 and form.startswith(value[begin:]):
                return value[:begin] + self.mask(secret).encode()
        return value

    def _refresh(self) -> None:
        """Make the patterns that are not current; where there are many secrets, the last ones have a pattern of their own.

        Where a thousand users log in, each brings a secret: one pattern of all would be made anew for each of them. With
        about as many recent ones as the root of all, making both patterns costs the same.
        """
        if self._recent_is_new:
            self._recent_is_new = False
            known = len(self._forms_by_beginning)
            if known <= _MANY or len(self._recent) ** 2 > _FORMS * known:
                beginnings = _any_of_one_length(self._forms_by_beginning)
                self._pattern, self._latest = re.compile(b"|".join((_MASK_BYTES, beginnings, _JWT_BYTES))), None
                self._recent.clear()
            else:
                self._latest = re.compile(_any_of_one_length(self._recent))
        if self._short_is_new:
            self._short_is_new = False
            short = _any_of(self._short_of)
            value_of_a_string = rb'(?<=")' + short + rb'(?=\\?"(?!\s*:))'
            value_of_a_form = rb"(?<==)" + short + rb"(?=[&;\s]|\Z)"
            self._whole = re.compile(b"|".join((value_of_a_string, value_of_a_form, rb"\A" + short + rb"\Z")))


class _Search:
    """The first place in some bytes where any of several patterns is found; each is searched for once, however often asked."""

    def __init__(self, value: bytes, *patterns: re.Pattern[bytes]) -> None:
        self._value = value
        self._found = {pattern: pattern.search(value) for pattern in patterns}

    def first_from(self, position: int) -> re.Match[bytes] | None:
        """The first match that begins there or later; positions do not go back."""
        for pattern, match in self._found.items():
            if match is not None and match.start() < position:
                self._found[pattern] = pattern.search(self._value, position)
        return min((match for match in self._found.values() if match), key=re.Match.start, default=None)


def _token_at(value: bytes, start: int) -> bytes:
    match = _JWT.match(value, start)
    return match[0] if match else b""


def _split_scheme(value: str) -> tuple[str, str]:
    match = _SCHEME.fullmatch(value)
    return (match[1], match[2]) if match else ("", value)


def _text_forms(secret: str) -> Iterator[bytes]:
    """The value raw, as a header holds it, URL-encoded, JSON-escaped and HTML-escaped."""
    raw = secret.encode("utf-8", "replace")
    yield raw
    yield raw.decode("latin-1").encode()
    for encoded in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield encoded.encode()
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded).encode()
    for ensure_ascii in (True, False):
        escaped = json.dumps(secret, ensure_ascii=ensure_ascii)[1:-1]
        yield escaped.encode("utf-8", "replace")
        yield escaped.replace("/", r"\/").encode("utf-8", "replace")
    yield html.escape(secret).encode("utf-8", "replace")


def _base64_forms(secret: str) -> Iterator[bytes]:
    """The characters that the value fixes in any base64 text that contains it, at each of the three alignments."""
    raw = secret.encode("utf-8", "replace")
    for before in range(3):
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        encoded = base64.b64encode(b"\0" * before + raw)[first:last]
        if len(encoded) >= SHORT_SECRET:
            yield encoded
            yield encoded.replace(b"+", b"-").replace(b"/", b"_")


def _any_of_one_length(words: Collection[bytes]) -> bytes:
    """A pattern for any of the words: a class for each place, and the words themselves looked back at.

    A run holds megabytes of text and hardly a secret: at most places a class or two say no, in a fraction of the time
    that a tree of branches takes.
    """
    places = (bytes(sorted(set(column))) for column in zip(*words, strict=True))
    return b"".join(b"[" + re.escape(place) + b"]" for place in places) + b"(?<=" + _any_of(words) + b")"


def _any_of(words: Iterable[bytes]) -> bytes:
    """A pattern for any of the words, longest first, as a tree of common beginnings, so that one pass finds them all."""
    return _branch(sorted(set(words)))


def _branch(words: list[bytes]) -> bytes:
    ends_here = words[0] == b""
    branches = []
    rest = words[1:] if ends_here else words
    while rest:
        same = [word for word in rest if word[0] == rest[0][0]]
        shared = _common_beginning(same[0], same[-1])
        branches.append(re.escape(shared) + _branch([word[len(shared) :] for word in same]))
        rest = rest[len(same) :]
    if not branches:
        return b""
    return b"(?:" + b"|".join(branches) + b")" + (b"?" if ends_here else b"")


def _common_beginning(first: bytes, last: bytes) -> bytes:
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]
