"""Making a journey: the errands of its walk are sent through the target; and reading it back from what was recorded."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from hybridcheck.cases import Json, Reason, Undecided
from hybridcheck.checks.auth.recognition import text_at, with_token
from hybridcheck.checks.resources import new_marker
from hybridcheck.checks.workflows import datasets
from hybridcheck.checks.workflows.walking import Errand, Variables, Walk, Walked, request_of, walk
from hybridcheck.evidence import Created, Evidence, Exchange, GapReason, Observation
from hybridcheck.profile.journeys import Journey, JourneyStep
from hybridcheck.profile.templates import filled, names_in
from hybridcheck.target import Ask, Credential, ReadTarget, WriteTarget

BEGIN = "begin"
"""The label, below that of a copy, of what is known before its first step."""

Sending = Callable[[str, Ask, JourneyStep], Awaitable[Exchange]]
"""Sends one request of a step under a label."""


def reading(target: ReadTarget) -> Sending:
    """Sends what changes nothing."""

    async def send(label: str, ask: Ask, step: JourneyStep) -> Exchange:  # noqa: ARG001 - as `writing` needs it
        return await target.read(label, ask)

    return send


def writing(target: WriteTarget) -> Sending:
    """Sends anything; what a step creates is written down before, and removed when the case ends."""

    async def send(label: str, ask: Ask, step: JourneyStep) -> Exchange:
        if step.created:
            exchange, _ = await target.create(label, ask, cleanup=step.cleanup, id_from=step.id_from)
            return exchange
        return await target.write(label, ask)

    return send


async def travel(journey: Journey, target: ReadTarget, send: Sending, base: str) -> tuple[Walked, ...]:
    """Make all copies of a journey at the same time; `base` begins the labels of everything."""
    copies = [
        _Traveller(journey, target, send).go(f"{base}.copy{number}", number) for number in range(1, journey.copies + 1)
    ]
    return tuple(await target.together(copies))


@dataclass(slots=True)
class _Traveller:
    """One copy of a journey, with the sessions that it has opened."""

    journey: Journey
    target: ReadTarget
    send: Sending
    sessions: dict[str, Credential] = field(default_factory=dict)

    async def go(self, base: str, number: int) -> Walked:
        """From the first step to the last, or to the first trouble."""
        made = {name: datasets.make(spec, self.target.random) for name, spec in self.journey.data.items()}
        variables: dict[str, Json] = {**self.journey.variables, "marker": new_marker(self.target), "copy": number}
        used = set(names_in([step.model_dump(by_alias=True) for step in self.journey.steps]))
        variables |= {name: _needed(name, data.variables(), used) for name, data in made.items()}
        labels = {name: sorted(data.anomalies) for name, data in made.items()}
        self.target.observe(f"{base}.{BEGIN}", {"variables": variables, "anomalies": labels})
        walking = walk(self.journey, base, variables)
        try:
            errands = next(walking)
            while True:
                exchanges = await self.target.together([self._run(errand) for errand in errands])
                errands = walking.send(tuple(exchanges))
        except StopIteration as end:
            walked: Walked = end.value
            return walked

    async def _run(self, errand: Errand) -> Exchange:
        if errand.pause_s:
            await self.target.sleep(errand.pause_s)
        if errand.step.session is not None:
            return await self._session(errand.label, errand.step)
        return await self.send(errand.label, self._ask(errand), errand.step)

    async def _session(self, label: str, step: JourneyStep) -> Exchange:
        """A login of the journey's own, or a call with the credential that it gave."""
        who = step.identity or ""
        if step.session == "login":
            exchange, credential = await self.target.login(label, who)
            if credential is not None:
                self.sessions[who] = credential
            return exchange
        if who not in self.sessions:
            raise self.target.lost(GapReason.LOGIN_FAILED, f"{label}: '{who}' has no session of its own")
        exchange = await self.target.session_call(label, who, step.session or "", self.sessions[who])
        if step.session == "refresh":
            self._refreshed(who, exchange)
        return exchange

    def _refreshed(self, who: str, exchange: Exchange) -> None:
        """Go on with the tokens that a refresh gave."""
        token, refresh_token = (text_at(exchange, place) for place in self.journey.refreshed)
        if token is not None:
            renewed = with_token(self.sessions[who], token)
            self.sessions[who] = replace(renewed, refresh_token=refresh_token or renewed.refresh_token)

    def _ask(self, errand: Errand) -> Ask:
        """The request with every name filled in, as who sends it: with its own session where it has opened one."""
        step, known = errand.step, errand.variables
        operation = step.operation
        parts, body = request_of(step, known)
        path = re.sub(r"\{([^{}]*)\}", lambda match: quote(parts[match[1]], safe=""), operation.path)
        headers = tuple((name, str(filled(value, known))) for name, value in operation.headers.items())
        if body is not None and not any(name.lower() == "content-type" for name, _ in headers):
            headers = (*headers, ("Content-Type", "application/json"))
        ask = Ask(
            method=operation.method,
            path=path,
            query=tuple((name, str(filled(value, known))) for name, value in operation.query.items()),
            headers=headers,
            body=body,
            identity=step.identity,
            operation=operation.id,
        )
        own = self.sessions.get(step.identity or "")
        return ask if own is None else replace(ask, authorization=own.token)


def _needed(name: str, figures: dict[str, Json], used: set[str]) -> dict[str, Json]:
    """Of a data set's figures those that some step uses, and the count: all of them go into the ledger."""
    return {key: value for key, value in figures.items() if key == "count" or {f"{name}.{key}", name} & used}


def retraced(journey: Journey, evidence: Evidence, base: str) -> tuple[Walked, ...]:
    """The walks of all copies as they were recorded; empty where none of them began.

    Raises:
        Undecided: where a record is missing that a walk needs.
    """
    exchanges = {exchange.label: exchange for exchange in evidence.exchanges()}
    begun = {found.label: found for found in evidence.all(Observation)}
    bases = [f"{base}.copy{number}" for number in range(1, journey.copies + 1)]
    labels = (*exchanges, *begun)
    if not any(label.startswith(f"{base}.") for label in labels):
        return ()
    return tuple(_retrace(walk(journey, own, variables_of(begun, own)), exchanges) for own in bases)


def rounds_of(journey: Journey, evidence: Evidence, most: int) -> list[tuple[Walked, ...]]:
    """The recorded rounds, `round1` first, up to one that was not begun; see `retraced`."""
    found: list[tuple[Walked, ...]] = []
    for number in range(1, most + 1):
        walks = retraced(journey, evidence, f"round{number}")
        if not walks:
            break
        found.append(walks)
    return found


def variables_of(begun: dict[str, Observation], base: str) -> Variables:
    """What was known before the first step of a copy.

    Raises:
        Undecided: where it is not recorded.
    """
    found = begun.get(f"{base}.{BEGIN}")
    if found is None or not isinstance(found.values.get("variables"), dict):
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"the beginning of {base} is not recorded")
    variables: dict[str, Json] = found.values["variables"]
    return variables


def _retrace(walking: Walk, exchanges: dict[str, Exchange]) -> Walked:
    try:
        errands = next(walking)
        while True:
            missing = [errand.label for errand in errands if errand.label not in exchanges]
            if missing:
                raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"'{missing[0]}' is not recorded")
            errands = walking.send(tuple(exchanges[errand.label] for errand in errands))
    except StopIteration as end:
        walked: Walked = end.value
        return walked


def left_behind(evidence: Evidence) -> Iterator[str]:
    """What was created and could not be removed: the operation and the id."""
    for record in evidence.all(Created):
        if record.removed is False:
            yield f"{record.operation} {record.resource or '(no id)'}"


def journey_params(journey: Journey, suite: str) -> dict[str, Json]:
    """What a case keeps of a journey."""
    return {"journey": json.loads(journey.model_dump_json(by_alias=True, exclude_defaults=True)), "suite": suite}


def journey_in(params: dict[str, Json]) -> Journey:
    """The journey that `journey_params` kept."""
    return Journey.model_validate(params["journey"])
