"""The walk through a journey: which requests go out, what each answer has to be, and where it ends. Pure.

The same walk is made twice: while the workflow runs it is given the answers as they come, and when it is judged the
recorded ones. So a judge sees each step exactly as the tester did, and misses none without noticing.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from hybridcheck.cases import Json
from hybridcheck.checks.operations import complaint_about, encode, json_body, values_complaint
from hybridcheck.evidence import Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.journeys import Journey, JourneyStep
from hybridcheck.profile.operations import Expect
from hybridcheck.profile.templates import UnknownVariable, filled, parts_of
from hybridcheck.profile.workflow_rules import HEADER
from hybridcheck.profile.workflows import Until

MOST_ROWS = 1000
"""Rows of a loop; more are a load phase."""

Variables = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Errand:
    """One request of a walk: its label, its step, the variables that it may use, and how long to wait before it (s)."""

    label: str
    step: JourneyStep
    variables: Variables
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Where a walk ended before its last step: the step, what was expected of it, what came, and the ledger line."""

    step: JourneyStep
    expected: str
    observed: str
    line: int
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk that has ended: what went wrong, if anything, the answers in their order, and the last of each step."""

    trouble: Trouble | None
    exchanges: tuple[Exchange, ...] = ()
    answers: Mapping[str, Exchange] = field(default_factory=dict)

    @property
    def lines(self) -> tuple[int, ...]:
        """The ledger lines of its exchanges."""
        return tuple(exchange.n for exchange in self.exchanges)


Walk = Generator[tuple[Errand, ...], tuple[Exchange, ...], Walked]
"""Gives errands that go out together, and is sent their exchanges in order."""

Stretch = Generator[Errand, Exchange, "_Stepped"]


@dataclass(frozen=True, slots=True)
class _Stepped:
    """What became of one step: what it learned, or its trouble."""

    learned: dict[str, Json] = field(default_factory=dict)
    trouble: Trouble | None = None


def walk(journey: Journey, base: str, variables: Variables) -> Walk:
    """The walk of one copy; `base` begins all its labels, `variables` is what is known before the first step."""
    known = dict(variables)
    seen: list[Exchange] = []
    answers: dict[str, Exchange] = {}
    for group in journey.groups():
        stretches = {step.name: _stretch(step, f"{base}.{step.name}", dict(known)) for step in group}
        ended = yield from _beside(stretches, seen, answers)
        troubles = [stepped.trouble for stepped in ended if stepped.trouble is not None]
        if troubles:
            return Walked(troubles[0], tuple(seen), answers)
        for stepped in ended:
            known |= stepped.learned
    return Walked(None, tuple(seen), answers)


def _beside(
    stretches: Mapping[str, Stretch], seen: list[Exchange], answers: dict[str, Exchange]
) -> Generator[tuple[Errand, ...], tuple[Exchange, ...], list[_Stepped]]:
    """Steps that go out together: one request of each that is not done, until all are."""
    ended: dict[str, _Stepped] = {}
    waiting: dict[str, Errand] = {}

    def move(name: str, advance: Callable[[], Errand]) -> None:
        try:
            waiting[name] = advance()
        except StopIteration as end:
            waiting.pop(name, None)
            ended[name] = end.value

    for name, stretch in stretches.items():
        move(name, stretch.__next__)
    while waiting:
        names = list(waiting)
        exchanges = yield tuple(waiting.values())
        for name, exchange in zip(names, exchanges, strict=True):
            seen.append(exchange)
            answers[name] = exchange
            move(name, partial(stretches[name].send, exchange))
    return [ended[name] for name in stretches]


def _stretch(step: JourneyStep, label: str, known: dict[str, Json]) -> Stretch:
    """One step: once, or for each row of its loop."""
    if not step.each:
        return (yield from _asked(step, label, known))
    (variable, declared), collected = next(iter(step.each.items())), dict[str, list[Json]]()
    try:
        rows = filled(declared, known)
    except UnknownVariable as unknown:
        return _Stepped(trouble=Trouble(step, "a list to go through", str(unknown), -1))
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        return _Stepped(trouble=Trouble(step, f"a list of 1 to {MOST_ROWS} rows", _short(rows), -1))
    for index, row in enumerate(rows):
        stepped = yield from _asked(step, f"{label}.row{index}", {**known, variable: row, "index": index})
        if stepped.trouble is not None:
            observed = f"row {index} of {len(rows)}: {stepped.trouble.observed}"
            return _Stepped(trouble=replace(stepped.trouble, observed=observed))
        for name, value in stepped.learned.items():
            collected.setdefault(name, []).append(value)
    return _Stepped(dict(collected))


def _asked(step: JourneyStep, label: str, known: dict[str, Json]) -> Stretch:
    """One request, or as many as it takes until the awaited values come."""
    try:
        request_of(step, known)
        expect = Expect.model_validate(filled(step.operation.expect.model_dump(by_alias=True), known))
        until = Until.model_validate(filled(step.until.model_dump(), known)) if step.until is not None else None
    except UnknownVariable as unknown:
        return _Stepped(trouble=Trouble(step, "all its variables", str(unknown), -1))
    except ValueError as unfit:  # an earlier answer gave what cannot stand here: null for a header, half a character
        return _Stepped(trouble=Trouble(step, "variables that can be sent", " ".join(str(unfit).split())[:200], -1))
    if until is not None:
        return (yield from _polled(step, until, expect, label, known))
    exchange = yield Errand(label, step, known)
    return _learned(step, exchange, expect)


def _polled(step: JourneyStep, until: Until, expect: Expect, label: str, known: dict[str, Json]) -> Stretch:
    """The same request again and again; what it teaches is taken from the answer that has the awaited values."""
    began_s: float | None = None
    for attempt in count(1):
        exchange = yield Errand(f"{label}.poll{attempt}", step, known, until.every_ms / 1000 if attempt > 1 else 0.0)
        began_s = exchange.at_s if began_s is None else began_s
        waited_s = exchange.at_s + (exchange.total_ms or 0.0) / 1000 - began_s
        document = json_or_none(exchange)
        missing = values_complaint(document, until.values, expect.tolerance)
        if missing is None or complaint_about(exchange, expect) is not None:
            return _learned(step, exchange, expect)
        words = ""
        if until.unless and values_complaint(document, until.unless, expect.tolerance) is None:
            words = f"{_pairs(until.unless)}: it will not come"
        elif waited_s >= until.within_s:
            words = f"{missing} after {waited_s:.1f} s and {attempt} answers"
        if words:
            return _Stepped(
                trouble=Trouble(step, f"{_pairs(until.values)} within {until.within_s:g} s", words, exchange.n)
            )
    raise AssertionError("count ends")


def _learned(step: JourneyStep, exchange: Exchange, expect: Expect) -> _Stepped:
    """What an answer teaches, or what is wrong with it."""
    complaint = complaint_about(exchange, expect)
    if complaint is not None:
        throttled = exchange.status == 429
        return _Stepped(trouble=Trouble(step, in_words(expect), complaint, exchange.n, throttled))
    learned: dict[str, Json] = {}
    for name, place in step.extract.items():
        try:
            learned[name] = extracted(exchange, place)
        except (ValueError, NoSuchPath) as missing:
            return _Stepped(trouble=Trouble(step, f"'{name}' at {place}", str(missing), exchange.n))
    return _Stepped(learned)


def extracted(exchange: Exchange, place: str) -> Json:
    """What stands at a place of an answer: `$.id` in its JSON body, or `header:NAME`.

    Raises:
        ValueError: where the body is not JSON, or the header is not there.
        NoSuchPath: where the document has no such place.
    """
    if not place.startswith(HEADER):
        return value_at(json_body(exchange), place)
    found = exchange.response.header(place.removeprefix(HEADER)) if exchange.response is not None else None
    if found is None:
        raise ValueError(f"there is no header {place.removeprefix(HEADER)}")
    return found


def json_or_none(exchange: Exchange) -> Json:
    """The JSON body; None where it is none."""
    try:
        return json_body(exchange)
    except ValueError:
        return None


def request_of(step: JourneyStep, known: Variables) -> tuple[dict[str, str], bytes | None]:
    """The path's parts and the body of a step, filled in; headers and query are filled where they are sent.

    Raises:
        UnknownVariable: for a name without a value.
        UnicodeEncodeError: for half a surrogate pair, which no request can hold.
    """
    operation = step.operation
    others = filled([operation.query, operation.headers], known)
    params = {**known, **filled(operation.params, known)}
    names = parts_of(operation.path) if step.session is None else []
    parts = {name: _text(_part(name, params)) for name in names}
    json.dumps([parts, others], ensure_ascii=False).encode()
    return parts, None if operation.body is None else encode(filled(operation.body, known))


def _part(name: str, params: Variables) -> Json:
    """The value of a part of a path: a parameter or variable of that name, or what a name with dots leads to."""
    if name in params:
        return params[name]
    hole = "{" + name + "}"
    found = filled(hole, params)
    if found == hole:
        raise UnknownVariable(name)
    return found


def in_words(expect: Expect) -> str:
    """What an answer has to be, in words."""
    parts = [" or ".join(map(str, expect.status))]
    if expect.values:
        parts.append(f"with {_pairs(expect.values)}")
    if expect.headers:
        parts.append(f"with {', '.join(f'{name}: {value}' for name, value in expect.headers.items())}")
    if expect.contains is not None:
        parts.append(f"with {_short(expect.contains)} in the body")
    if expect.json_schema is not None:
        parts.append("of the declared schema")
    return " ".join(parts)


def _pairs(values: Mapping[str, Json]) -> str:
    return ", ".join(f"{place} {_short(value)}" for place, value in values.items())


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
