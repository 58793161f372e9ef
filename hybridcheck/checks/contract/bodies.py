"""Are bodies what they say they are: JSON without NaN, text in UTF-8, media types that are true."""

import json
import re
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Severity, Unmet
from hybridcheck.checks.check import Scene
from hybridcheck.checks.witnesses import NEEDS_JSON, NoWitness, declares_json, whole_body
from hybridcheck.evidence import Exchange

CHARSET = re.compile(r"charset\s*=\s*\"?([\w.-]+)", re.IGNORECASE)
JSON_START = re.compile(rb"\s*[\[{]")
PAGES = frozenset({"text/html", "application/xhtml+xml"})


class NoNan(NoWitness):
    """No JSON answer contains NaN or Infinity.

    Looks at every body that is labelled JSON. A body that is JSON but for the bare tokens NaN, Infinity or -Infinity
    is the witness: RFC 8259 has no such numbers, and strict parsers refuse the whole document.
    """

    id = "contract.no-nan"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    remedy = "Serialise with a writer that refuses NaN and Infinity, and send null or an error instead."
    refs = ("RFC 8259 §6", "CWE-1286")
    expected = "no NaN and no Infinity in any JSON body"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where some operation is declared to answer JSON: else there may be nothing to look at."""
        if declares_json(scene.profile):
            yield from super().cases(scene)
        else:
            yield Unmet(subject="everything recorded", needs=NEEDS_JSON)

    def considered(self, exchange: Exchange) -> bool:
        """Bodies labelled JSON."""
        return labelled_json(exchange) and bool(whole_body(exchange))

    def complaint(self, exchange: Exchange) -> str | None:
        """The token, where the body is JSON otherwise."""
        found: list[str] = []
        try:
            json.loads(whole_body(exchange), parse_constant=found.append, parse_int=float)
        except (ValueError, RecursionError):
            return None  # not JSON at all: contract.content-type-true says so
        return f"the token {found[0]}" if found else None


class ValidUtf8(NoWitness):
    """Text that is said to be UTF-8 is UTF-8.

    Looks at every body that is labelled JSON, which is UTF-8 always, or text with `charset=utf-8`. Bytes that are no
    UTF-8 are the witness.
    """

    id = "contract.valid-utf8"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.MEDIUM
    remedy = "Encode at one place, as UTF-8, and decode what comes from elsewhere by the encoding that it really has."
    refs = ("RFC 8259 §8.1", "RFC 9110 §8.3.2", "CWE-838")
    expected = "every JSON or UTF-8 text body is valid UTF-8"

    def considered(self, exchange: Exchange) -> bool:
        """Bodies labelled JSON or UTF-8."""
        return (labelled_json(exchange) or charset_of(exchange) in {"utf-8", "utf8"}) and bool(whole_body(exchange))

    def complaint(self, exchange: Exchange) -> str | None:
        """Where the bytes stop being UTF-8."""
        try:
            whole_body(exchange).decode("utf-8")
        except UnicodeDecodeError as error:
            return f"byte {error.start} is not UTF-8"
        return None


class TrueContentType(NoWitness):
    """The content type says what the body is.

    Looks at every body. Witnesses: a JSON object or array labelled as an HTML page (a browser would run script in
    it), and a body labelled JSON that is none.
    """

    id = "contract.content-type-true"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.MEDIUM
    remedy = "Set the media type where the body is made, not as a default of the server."
    refs = ("RFC 9110 §8.3", "CWE-430", "ASVS V4.1.1")
    expected = "every content type is true"

    def considered(self, exchange: Exchange) -> bool:
        """Bodies that have a content type to be held to."""
        response = exchange.response
        known = response is not None and (labelled_json(exchange) or response.media_type in PAGES)
        return known and exchange.request.method != "HEAD" and bool(whole_body(exchange).strip())

    def complaint(self, exchange: Exchange) -> str | None:
        """What the body is instead."""
        body = whole_body(exchange)
        if labelled_json(exchange):
            return None if is_json(body) else "a body labelled JSON that is no JSON"
        if JSON_START.match(body) and isinstance(parsed(body), dict | list):
            return "a JSON document labelled as an HTML page"
        return None


def labelled_json(exchange: Exchange) -> bool:
    """Whether the content type is JSON or one of its kin (`application/problem+json`)."""
    media_type = exchange.response.media_type if exchange.response is not None else ""
    return media_type == "application/json" or media_type.endswith("+json")


def charset_of(exchange: Exchange) -> str:
    """The declared charset in lower case; empty where there is none."""
    value = exchange.response.header("content-type") if exchange.response is not None else None
    match = CHARSET.search(value or "")
    return match[1].lower() if match else ""


def is_json(body: bytes) -> bool:
    """Whether the bytes are JSON; NaN, encoding and depth are other checks' business."""
    try:
        json.loads(body.decode("utf-8", "replace"), parse_int=float)  # a number may have any length
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def parsed(body: bytes) -> Json:
    """The document; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
