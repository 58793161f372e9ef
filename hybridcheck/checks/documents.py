"""Where two JSON documents differ: in the text of their numbers, or in their values."""

import json
from collections.abc import Iterator

from hybridcheck.cases import Json
from hybridcheck.checks.operations import json_body
from hybridcheck.evidence import Exchange
from hybridcheck.statistics.closeness import same

MOST_SHOWN = 60


def difference(first: Json, second: Json, tolerance: float = 0.0, path: str = "$") -> str | None:
    """The first place where two documents differ, with both values; numbers within an absolute tolerance are equal."""
    return next(_differences(first, second, tolerance, path), None)


def same_text(first: Exchange, second: Exchange) -> bool:
    """Whether two JSON answers agree even in how each number is written (1.0 is not 1)."""
    return bool(_tokens(first) == _tokens(second))


def _differences(first: Json, second: Json, tolerance: float, path: str) -> Iterator[str]:
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        for key in first:
            yield from _differences(first[key], second[key], tolerance, f"{path}.{key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from _differences(one, other, tolerance, f"{path}[{index}]")
    elif not same(first, second, tolerance):
        yield f"{path} is {_short(first)} and {_short(second)}"


def _short(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"


def _tokens(exchange: Exchange) -> Json:
    json_body(exchange)  # refuses what is no JSON
    assert exchange.response is not None
    return json.loads(exchange.response.body.content(), parse_int=_token, parse_float=_token)


def _token(text: str) -> tuple[str, str]:
    return ("number", text)
