"""Requests of a load scenario, cut into what is known before and what each user fills in. Pure.

The generator joins the pieces and knows nothing of profiles: `text` stands as it is, `url` is percent-encoded, `raw` is
written out, `json` becomes a JSON value (a number stays a number), `inner` is what stands within a JSON string.
"""

import json
import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote, urlencode

from hybridcheck.cases import Frozen, Json
from hybridcheck.profile.load_scenarios import LoadStep
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.templates import HOLE

Kind = Literal["text", "url", "raw", "json", "inner"]
Piece = tuple[Kind, str]
Template = tuple[Piece, ...]

PATH_SAFE = "/:@!$&'()*+,;=-._~%"  # RFC 3986, section 3.3, and what is percent-encoded already
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around a name within a body: characters of private use, which no text of a profile has."""

_IN_JSON = re.compile(f'"{_OPEN}(?P<value>[^{_CLOSE}]+){_CLOSE}"|{_OPEN}(?P<inner>[^{_CLOSE}]+){_CLOSE}')


class DriveStep(Frozen):
    """One step with its request in pieces; `think_s` is [least, most].

    `as_declared`: it asks what the operation declares, so that `contains` and `values` hold for its answer.
    """

    operation: str
    path: Template
    headers: tuple[tuple[str, Template], ...] = ()
    body: Template = ()
    extract: tuple[tuple[str, str], ...] = ()
    think_s: tuple[float, float] = (0.0, 0.0)
    as_declared: bool = False

    def variables(self) -> Iterator[str]:
        """Every variable that its request is filled in with."""
        templates = (self.path, self.body, *(template for _, template in self.headers))
        return (name for template in templates for kind, name in template if kind != "text")


def step_of(operation: Operation, step: LoadStep, *, as_declared: bool = False) -> DriveStep:
    """A step of a scenario over its operation."""
    headers = {**operation.headers, **step.headers}
    body = operation.body if step.body is None else step.body
    if body is not None and not isinstance(body, str) and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    think = step.think_s if isinstance(step.think_s, tuple) else (step.think_s, step.think_s)
    return DriveStep(
        operation=operation.id,
        path=_path(operation, step),
        headers=tuple((name, tuple(_pieces(value, "raw"))) for name, value in headers.items()),
        body=_body(body, filled=step.body is not None),
        extract=tuple(step.extract.items()),
        think_s=think,
        as_declared=as_declared,
    )


def _path(operation: Operation, step: LoadStep) -> Template:
    """The path and query: what the operation fills stands as it is, the rest is filled by the step or by variables."""
    path = operation.path
    for name, value in operation.params.items():
        if name not in step.params:
            path = path.replace("{" + name + "}", value)
    for name, value in step.params.items():
        path = path.replace("{" + name + "}", value)
    pieces = list(_pieces(path, "url", PATH_SAFE))
    if step.query is None:
        return (*pieces, ("text", "?" + urlencode(list(operation.query.items())))) if operation.query else tuple(pieces)
    for index, (name, value) in enumerate(step.query.items()):
        pieces += [("text", ("&" if index else "?") + quote(name, safe="") + "="), *_pieces(value, "url", "")]
    return tuple(pieces)


def _pieces(text: str, kind: Kind, safe: str | None = None) -> Iterator[Piece]:
    """A text cut at its names; what is text is percent-encoded but for the `safe` characters, where these are given."""
    end = 0
    for match in HOLE.finditer(text):
        known = text[end : match.start()] + (match["escaped"] or "")
        end = match.end()
        if known:
            yield "text", known if safe is None else quote(known, safe=safe)
        if match["name"]:
            yield kind, match["name"]
    if text[end:]:
        yield "text", text[end:] if safe is None else quote(text[end:], safe=safe)


def _body(body: Json, *, filled: bool) -> Template:
    if body is None:
        return ()
    if isinstance(body, str):
        return tuple(_pieces(body, "inner")) if filled else (("text", body),)
    written = json.dumps(_marked(body) if filled else body, ensure_ascii=False)
    pieces: list[Piece] = []
    end = 0
    for match in _IN_JSON.finditer(written):
        pieces.append(("text", written[end : match.start()]))
        pieces.append(("json", match["value"]) if match["value"] else ("inner", match["inner"]))
        end = match.end()
    pieces.append(("text", written[end:]))
    return tuple(piece for piece in pieces if piece[1])


def _marked(value: Json) -> Json:
    """The value with every `{name}` in its texts between the two marks."""
    if isinstance(value, str):
        return HOLE.sub(lambda match: match["escaped"] or f"{_OPEN}{match['name']}{_CLOSE}", value)
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    return value
