"""What a profile's load phases say about its operations, its budgets and its thresholds: names, levels, lengths."""

import math
from collections.abc import Callable, Iterator

from hybridcheck.paths import NoSuchPath
from hybridcheck.profile.contradiction import Contradiction, near
from hybridcheck.profile.document import KeyPath, spelled
from hybridcheck.profile.listener_consistency import listener_contradictions
from hybridcheck.profile.load_foresight import most_rps, offers, sent_rps, thinking_at_once
from hybridcheck.profile.load_limits import QUANTILES, LoadLimit
from hybridcheck.profile.load_phases import (
    ROUNDING,
    callable_in_load,
    judged_seconds,
    offered_rps,
    peak_level,
    planned_requests,
    requests_per_arrival,
    tagged,
    weights,
)
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.profile.scenario_consistency import scenario_contradictions

ALL_TOGETHER = "*"
"""Among a load phase's objectives: all operations together."""

_NO_WHOLE_REQUEST = "{:g} per second: seconds are judged, and have whole requests"


def _load(profile: Profile) -> Iterator[Contradiction]:
    known = frozenset(operation.id for _, _, operation in profile.all_operations())
    for name, phase in profile.load.items():
        place: KeyPath = ("load", name)
        for key, named in (("operations", phase.operations), ("objectives", phase.objectives)):
            for operation_id in set(named) - ({ALL_TOGETHER} if key == "objectives" else set()):
                yield from _load_operation(profile, known, (*place, key, operation_id), operation_id)
        sent = weights(profile, phase)
        if not sent:
            hint = 'operations: ["GET /health"]'
            yield Contradiction(place, "no declared operation can be sent in this phase", hint)
        for operation_id in sorted(set(phase.objectives) & known - set(sent)):
            where = (*place, "objectives", operation_id)
            yield Contradiction(where, f"this phase does not send '{operation_id}'", "add it to `operations`")
        yield from _within_limits(profile, place, phase)
        yield from _breaks_off(phase, (*place, "abort_when", "window_s"))
        yield from scenario_contradictions(profile, phase, place)
        yield from _sweep(profile, phase, (*place, "sweep"))
        yield from listener_contradictions(profile, phase.listeners, (*place, "listeners"))
        for index, limit in enumerate(phase.limits):
            yield from _limit(profile, phase, limit, (*place, "limits", index))
        yield from _said_twice(phase, (*place, "limits"))


def _load_operation(
    profile: Profile, known: frozenset[str], place: KeyPath, operation_id: str
) -> Iterator[Contradiction]:
    operation = profile.operation(operation_id)
    if operation is None:
        yield Contradiction(place, f"no operation has the id '{operation_id}'", near(operation_id, known))
    elif not operation.sendable:
        yield Contradiction(place, f"{operation.path} cannot be sent as declared", "fill its path with `params`")
    elif not callable_in_load(operation):
        yield Contradiction(place, f"'{operation_id}' needs an identity to be sent", "give the operation an `identity`")


def _within_limits(profile: Profile, place: KeyPath, phase: LoadPhaseSpec) -> Iterator[Contradiction]:
    if not judged_seconds(phase):
        message = "no second is judged: the load never rests at its level for a whole second after the warm-up"
        yield Contradiction((*place, "judge"), message, "a longer phase, or judge: all")
    limits, peak = profile.limits, peak_level(phase)
    peak *= requests_per_arrival(phase) if phase.model == "open" else 1.0
    if phase.model == "open" and peak > limits.max_rps:
        message = f"{peak:g} requests per second are more than limits.max_rps, {limits.max_rps:g}"
        key = "peak_rps" if phase.peak_rps == peak else "stages" if phase.stages else "rate_rps"
        yield Contradiction((*place, key), message, f"limits: {{max_rps: {peak:g}}}, or a lower rate")
    there = min(phase.max_connections, limits.max_connections)
    thinking = thinking_at_once(phase) if phase.model == "open" and phase.scenarios else 0
    if thinking > there:
        message = f"{thinking} users think at once, however quick the target is, and there are {there} connections"
        yield Contradiction(
            (*place, "max_connections"), message, f"max_connections: {thinking} and some, or a lower rate"
        )
    if "max_connections" in phase.model_fields_set and phase.max_connections > limits.max_connections:
        message = f"{phase.max_connections} connections are more than limits.max_connections, {limits.max_connections}"
        yield Contradiction((*place, "max_connections"), message, "raise the limit, or leave this line out")
    if phase.model == "closed" and peak > limits.max_connections:
        key = "peak_users" if phase.peak_users == peak else "stages" if phase.stages else "users"
        message = f"{peak:g} users are more than limits.max_connections, {limits.max_connections}"
        yield Contradiction((*place, key), message, f"limits: {{max_connections: {peak:g}}}, or fewer users")


def _breaks_off(phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    """A safety abort looks back over a whole window; one that is not declared may be longer, and a short phase does without."""
    when = phase.abort_when
    if when != "never" and "window_s" in when.model_fields_set and when.window_s > phase.duration_s:
        message = f"{when.window_s} s never pass within the phase, which lasts {phase.duration_s:g} s: nothing would be broken off"
        yield Contradiction(place, message, f"window_s: {max(int(phase.duration_s / 2), 3)}, or abort_when: never")


def _budget(profile: Profile) -> Iterator[Contradiction]:
    needed = sum(planned_requests(phase) or 0.0 for phase in profile.load.values())
    if needed > profile.limits.max_requests:
        message = f"the load phases need {needed:,.0f} requests, limits.max_requests is {profile.limits.max_requests:,}"
        yield Contradiction(("load",), message, f"limits: {{max_requests: {needed * 1.2:.0f}}}, or shorter phases")


def _throughput(profile: Profile) -> Iterator[Contradiction]:
    wanted = profile.thresholds.min_throughput_rps
    if wanted is None:
        return
    place = ("thresholds", "min_throughput_rps")
    if wanted > profile.limits.max_rps:
        message = f"{wanted:g} requests per second can never be seen: limits.max_rps is {profile.limits.max_rps:g}"
        yield Contradiction(place, message, f"limits: {{max_rps: {wanted:g}}}, or a lower threshold")
    if wanted < 1:
        yield Contradiction(place, _NO_WHOLE_REQUEST.format(wanted), "min_throughput_rps: 1")
    phases, limit = profile.load.values(), LoadLimit(min_rps=wanted)
    offered = [sent for phase in phases if (sent := sent_rps(profile, phase, limit)) is not None]
    highest = max(offered, default=wanted)
    if highest < wanted * (1 - ROUNDING) and wanted <= profile.limits.max_rps:
        message = f"no load phase offers {wanted:g} requests per second; the highest offers {highest:.6g}"
        hint = "more users, or less rest" if all(phase.model == "closed" for phase in phases) else "a higher rate_rps"
        if any(offers(profile, phase.model_copy(update={"judge": "hold"}), limit) for phase in phases):
            hint = "judge: hold, which leaves climbs out"
        yield Contradiction(place, f"{message} at the least in its judged seconds", f"{hint}, or a lower threshold")


def _sweep(profile: Profile, phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    if phase.sweep is None:
        return
    operation = profile.operation(phase.sweep.operation)
    if operation is None:
        known = [found.id for _, _, found in profile.all_operations()]
        message = f"no operation has the id '{phase.sweep.operation}'"
        yield Contradiction((*place, "operation"), message, near(phase.sweep.operation, known))
        return
    try:
        for _, single in phase.sweep.single():
            single.applied(operation.body)
    except NoSuchPath as wrong:
        hint = "field: $.values   # a path into the operation's `body`"
        yield Contradiction((*place, "field"), f"the body of '{operation.id}': {wrong}", hint)


def _limit(profile: Profile, phase: LoadPhaseSpec, limit: LoadLimit, place: KeyPath) -> Iterator[Contradiction]:
    sent = weights(profile, phase)
    if limit.operation is not None and limit.operation not in sent:
        message = f"this phase does not send '{limit.operation}'"
        yield Contradiction((*place, "operation"), message, near(limit.operation, sent))
    if limit.tag is not None and not tagged(profile, phase, limit.tag):
        tags = {tag for _, _, operation in profile.all_operations() if operation.id in sent for tag in operation.tags}
        hint = near(limit.tag, tags) if tags else f"tags: [{limit.tag}]   # at an operation"
        yield Contradiction((*place, "tag"), f"no operation of this phase has the tag '{limit.tag}'", hint)
    window = limit.window()
    if window is not None and window[1] > math.ceil(phase.duration_s):
        message = f"the window ends at second {window[1]}, after the phase, which lasts {phase.duration_s:g} s"
        yield Contradiction((*place, "window_s"), message, f"at most {math.ceil(phase.duration_s)}, or a longer phase")
    elif window is not None and window[0] >= window[1]:
        message = "the window holds no whole second: whole seconds are judged"
        yield Contradiction((*place, "window_s"), message, "window_s: [from, until], in seconds of the phase")
    yield from _within_deadline(phase, limit, place)
    if limit.min_rps is not None:
        yield from _offers(profile, phase, limit, limit.min_rps, (*place, "min_rps"))


def _said_twice(phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    """Two limits of one thing would be one case: only one of them could be judged."""
    first: dict[tuple[str, str], int] = {}
    for index, limit in enumerate(phase.limits):
        for key in _limited(limit):
            before = first.setdefault((limit.scope(), key), index)
            if before == index:
                continue
            one, other = getattr(phase.limits[before], key), getattr(limit, key)
            stricter = max(one, other) if key == "min_rps" else min(one, other)
            of_it = f" of {limit.scope()}" if limit.scope() else ""
            message = f"{key}{of_it} is limited twice: {one:g} in {spelled((*place, before))}, {other:g} here"
            hint = f"keep one of the two lines (the stricter says {key}: {stricter:g}), or give one another operation, tag or window_s"
            yield Contradiction((*place, index, key), message, hint)


def _limited(limit: LoadLimit) -> Iterator[str]:
    """The keys that are judged; beside `min_rps`, `error_ratio` only says how much of that may be missed."""
    for key in (*QUANTILES, "mean_ms", "min_rps", "error_ratio"):
        if getattr(limit, key) is not None and (key != "error_ratio" or limit.min_rps is None):
            yield key


def _offers(
    profile: Profile, phase: LoadPhaseSpec, limit: LoadLimit, wanted: float, place: KeyPath
) -> Iterator[Contradiction]:
    """A throughput that a phase does not send cannot be seen, however quick the answers are."""
    if limit.error_ratio is None and profile.thresholds.max_error_ratio is None:
        message = "how much of it may be missed is not declared"
        yield Contradiction(place, message, "error_ratio: 0.01   # beside it, or thresholds: {max_error_ratio: …}")
    if wanted < 1:
        yield Contradiction(place, _NO_WHOLE_REQUEST.format(wanted), "min_rps: 1")
    when = "within this window" if limit.window_s else "in its judged seconds"
    offered = offered_rps(profile, phase, limit)
    if offered is not None and offered < wanted * (1 - ROUNDING):
        of_it = limit.operation or (f"tag {limit.tag}" if limit.tag else "this phase")
        message = f"{wanted:g} per second can never be seen: {of_it} is sent {offered:.6g} times per second at the least {when}"
        yield Contradiction(place, message, f"{_at_most(offered)}a higher rate")
    most, why = most_rps(profile, phase, limit)
    if phase.model == "closed" and most < wanted * (1 - ROUNDING):
        message = f"{wanted:g} per second can never be seen: {why} {most:.6g} for it at the least {when}"
        yield Contradiction(place, message, f"{_at_most(most)}a load that may be more")


def _at_most(rps: float) -> str:
    """The line that would do, where there is one: less than a whole request per second is no promise."""
    return f"min_rps: at most {rps:.6g}, or " if rps >= 1 else ""


def _within_deadline(phase: LoadPhaseSpec, limit: LoadLimit, place: KeyPath) -> Iterator[Contradiction]:
    """What takes longer than the deadline is no answer: a latency beyond it limits nothing but errors, a mean nothing at all."""
    deadline_ms = phase.deadline_s * 1000
    given = [(key, getattr(limit, key)) for key in (*QUANTILES, "mean_ms")]
    for key, limit_ms in given:
        if limit_ms is not None and (limit_ms > deadline_ms or (key == "mean_ms" and limit_ms == deadline_ms)):
            message = f"{limit_ms:g} ms can never be exceeded: a request ends at deadline_s, {phase.deadline_s:g} s"
            yield Contradiction((*place, key), message, f"deadline_s: {limit_ms / 500:g}, or a lower limit")


RULES: tuple[Callable[[Profile], Iterator[Contradiction]], ...] = (_load, _budget, _throughput)
