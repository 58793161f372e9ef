"""What a declared load phase sends, when, and how many requests it needs: one answer for reading, checks and plan."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping

from hybridcheck import shapes
from hybridcheck.profile.load_limits import LoadLimit
from hybridcheck.profile.load_scenarios import LoadStep
from hybridcheck.profile.load_spec import LoadPhaseSpec, Objective
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.statistics.binomial import min_clean_samples

STEPS = 5
"""Stairs of a staircase that does not say how many it has."""

PART = 0.2
"""Of the whole: a climb, or a peak, that does not say how long it takes."""

FEW_CHECKED, OFTEN_CHECKED = 100, 10
"""One in so many answers at most is held against its schema; and in the closed model, where nobody knows how many come."""

SPARE_SAMPLES = 2.0
"""Times the fewest samples that could decide: some may be wrong, and some come less often than the dice says."""

MOST_ANSWERS = 90.0
"""Percent: a limit that so many answers keep bounds how long one takes on average; half of them say nothing about the others."""

ROUNDING = 1e-6
"""Seconds: the rounding of float sums, not a measurement."""


def callable_in_load(operation: Operation) -> bool:
    """Whether the operation can be sent as declared: its path is filled in, and who calls it is known."""
    return operation.sendable and (operation.auth != "required" or operation.identity is not None)


def weights(profile: Profile, phase: LoadPhaseSpec) -> Mapping[str, float]:
    """Operation id → weight. A phase that names none sends every reading operation that can be sent, equally often."""
    if phase.scenarios:
        return _in_scenarios(phase)
    if phase.sweep is not None:
        return {phase.sweep.operation: 1.0}
    if phase.operations:
        return phase.operations
    return {op.id: 1.0 for _, _, op in profile.all_operations() if op.reads and callable_in_load(op)}


def _in_scenarios(phase: LoadPhaseSpec) -> Mapping[str, float]:
    """Operation id → how often the scenarios send it, in the proportions of their weights."""
    found: dict[str, float] = {}
    for scenario in phase.scenarios.values():
        for step in scenario.steps:
            found[step.operation] = found.get(step.operation, 0.0) + scenario.weight
    return found


def requests_per_arrival(phase: LoadPhaseSpec) -> float:
    """How many requests one arrival is on average: those of a whole scenario, where there are any."""
    if not phase.scenarios:
        return 1.0
    weight = sum(scenario.weight for scenario in phase.scenarios.values())
    return sum(_in_scenarios(phase).values()) / weight


def naming_share(phase: LoadPhaseSpec, feeder: str) -> float:
    """The share of the arrivals whose scenario names a feeder: the others take no row of it."""
    naming = sum(
        scenario.weight
        for scenario in phase.scenarios.values()
        if any(needed.partition(".")[0] == feeder for step in scenario.steps for needed in step.needs())
    )
    return naming / sum(scenario.weight for scenario in phase.scenarios.values())


def fed_requests(phase: LoadPhaseSpec) -> tuple[float, str] | None:
    """How many requests the rows that are used once are enough for, and of which feeder; None where rows end nothing."""
    own = phase.logs_in_with
    found = [
        (feeder.rows / share * requests_per_arrival(phase), name)
        for name, feeder in phase.feeders.items()
        if feeder.order == "once" and feeder.rows is not None and (own is None or own.feeder != name)
        if (share := naming_share(phase, name))
    ]
    return min(found, default=None)


def shape_of(phase: LoadPhaseSpec) -> tuple[str, dict[str, shapes.Parameter]]:
    """Name and parameters of the phase's shape as `hybridcheck.shapes` knows them; what is not declared is filled in."""
    whole = phase.duration_s
    level, peak, begin = _levels(phase)
    match phase.shape:
        case "ramp":
            climb = whole if phase.ramp_s is None else phase.ramp_s
            floor = 0.0 if phase.model == "open" else 1.0
            start = floor if begin is None else begin
            return "ramp", {"from_level": start, "to_level": level, "ramp_s": climb, "hold_s": max(whole - climb, 0.0)}
        case "steps":
            count = phase.steps or STEPS
            first = level / count if begin is None else begin
            step = (level - first) / (count - 1)
            return "steps", {"from_level": first, "step_level": step, "step_s": whole / count, "steps": count}
        case "stress":
            climb = whole * PART if phase.ramp_s is None else phase.ramp_s
            hold = (whole - 2 * climb) / 3
            return "stress", {"normal_level": level, "peak_level": peak, "hold_s": hold, "ramp_s": climb}
        case "spike":
            high = whole * PART if phase.peak_s is None else phase.peak_s
            beside = (whole - high) / 2
            times = {"before_s": beside, "peak_s": high, "after_s": beside}
            return "spike", {"normal_level": level, "peak_level": peak, **times}
        case "soak":
            climb = phase.ramp_s or 0.0
            return "soak", {"level": level, "duration_s": whole - climb, "ramp_s": climb}
        case "breakpoint":
            return "breakpoint", {"from_level": begin or 0.0, "to_level": level, "duration_s": whole}
        case "stages":
            listed = tuple((stage.duration_s, stage.level) for stage in phase.stages)
            return "stages", {"from_level": begin or 0.0, "stages": listed}
        case _:
            return "steady", {"level": level, "duration_s": whole}


def _levels(phase: LoadPhaseSpec) -> tuple[float, float, float | None]:
    """The level, the peak, and where the shape begins, of whichever model."""
    is_open = phase.model == "open"
    level, peak = (phase.rate_rps, phase.peak_rps) if is_open else (phase.users, phase.peak_users)
    highest = max((stage.level for stage in phase.stages), default=0.0)
    begin = phase.from_rps if is_open else phase.from_users
    return float(level or highest), float(peak or 0), None if begin is None else float(begin)


def stages(phase: LoadPhaseSpec) -> shapes.Stages:
    """The linear stages of the phase."""
    return shapes.stages_of(*shape_of(phase))


def peak_level(phase: LoadPhaseSpec) -> float:
    """The highest level of the phase: requests per second, or users."""
    return shapes.peak_level(stages(phase))


def connections(phase: LoadPhaseSpec) -> int:
    """How many there may be at once: one for each user where users differ, since each of them is set up."""
    users = math.ceil(peak_level(phase)) if phase.model == "closed" else 0
    return users if users and phase.as_users else max(phase.max_connections, users)


def thinking_s(phase: LoadPhaseSpec) -> float:
    """How long a user of a scenario thinks on average: after every step but its last."""
    weight = sum(scenario.weight for scenario in phase.scenarios.values())
    total = 0.0
    for scenario in phase.scenarios.values():
        for step in scenario.steps[:-1]:
            least, most = step.think_s if isinstance(step.think_s, tuple) else (step.think_s, step.think_s)
            total += scenario.weight * (least + most) / 2
    return total / weight if weight else 0.0


def connections_needed(phase: LoadPhaseSpec, answer_s: float) -> int:
    """How many connections must be there for an open phase at its peak where an answer takes so long (Little's law).

    With fewer, arrivals wait for a connection though every answer comes in time: the tester's doing, not the target's.
    Thinking holds a connection too. In the closed model everybody has one.
    """
    if phase.model == "closed":
        return connections(phase)
    held_s = requests_per_arrival(phase) * answer_s + thinking_s(phase)
    return math.ceil(peak_level(phase) * held_s - ROUNDING)


def of_all_together(profile: Profile, phase: LoadPhaseSpec) -> Objective:
    """What all operations of a phase together are held to: the thresholds, but for the keys that its objective `*` gives."""
    limits, own = profile.thresholds, phase.objectives.get("*", Objective())
    overall = Objective(p95_ms=limits.max_latency_ms, error_ratio=limits.max_error_ratio)
    return overall.model_copy(update=own.model_dump(exclude_none=True))


def promised_answer_s(profile: Profile, phase: LoadPhaseSpec) -> float:
    """How long an answer of the phase takes on average at most, where the target keeps every promise.

    Of each operation the tightest latency limit that most of its answers are held to, or else the deadline.
    """
    sent = weights(profile, phase)
    tightest = {name: [phase.deadline_s * 1000] for name in sent}
    together = of_all_together(profile, phase)
    for name, found in tightest.items():
        objectives = (phase.objectives.get(name), together)
        found += [ms for o in objectives if o is not None for ms in (o.p95_ms, o.p99_ms) if ms is not None]
    for limit in phase.limits:
        if limit.window_s is None:
            held = [ms for quantile, ms in limit.latencies_ms() if quantile >= MOST_ANSWERS]
            for name in covered(profile, phase, limit) or sent:
                tightest[name] += held if limit.mean_ms is None else [*held, limit.mean_ms]
    promised_ms = math.fsum(sent[name] * min(found) for name, found in tightest.items())
    return promised_ms / math.fsum(sent.values()) / 1000 if sent else phase.deadline_s


def planned_requests(phase: LoadPhaseSpec) -> float | None:
    """How many arrivals the phase plans; None in the closed model."""
    if phase.model == "closed":
        return None
    points = phase.sweep.points if phase.sweep is not None else 1
    return points * requests_per_arrival(phase) * shapes.area_until(stages(phase), math.inf)


def judged_seconds(phase: LoadPhaseSpec) -> frozenset[int]:
    """The seconds that are judged: after the warm-up all, or with `judge: hold` those that rest at the level throughout."""
    parts, level = stages(phase), _levels(phase)[0]
    seconds = range(math.ceil(shapes.duration_s(parts) - ROUNDING))
    held: set[int] = set(seconds)
    if phase.judge == "hold":
        held, begin = set(), 0.0
        for part in parts:
            end = begin + part.duration_s
            if part.from_level == part.to_level and math.isclose(part.to_level, level):
                held |= set(range(math.ceil(begin - ROUNDING), math.floor(end + ROUNDING)))
            begin = end
    return frozenset(second for second in held if second >= round(phase.warmup_s))


def lowest_rps(phase: LoadPhaseSpec, seconds: Collection[int]) -> float | None:
    """The lowest rate at which requests are planned within these seconds; None in the closed model, and without a second.

    Of scenarios it is that at which they begin times the requests that one is on average.
    """
    if phase.model == "closed" or not seconds:
        return None
    ordered, begin, found = sorted(seconds), 0.0, math.inf
    for part in stages(phase):
        end = begin + part.duration_s
        within = ordered[bisect_right(ordered, begin - 1 + ROUNDING) : bisect_left(ordered, end - ROUNDING)]
        for at_s in (max(begin, within[0]), min(end, within[-1] + 1)) if within else ():  # it is linear in between
            climbed = (part.to_level - part.from_level) * (at_s - begin) / (part.duration_s or 1.0)
            found = min(found, part.from_level + climbed)
        begin = end
    return requests_per_arrival(phase) * found if math.isfinite(found) else None


def fewest_users(phase: LoadPhaseSpec, seconds: Collection[int]) -> float:
    """The lowest number of users in one of these seconds, on average over it; a second that the phase ends within is none."""
    parts = stages(phase)
    whole = math.floor(shapes.duration_s(parts) + ROUNDING)
    found = (shapes.area_until(parts, s + 1) - shapes.area_until(parts, s) for s in seconds if s < whole)
    return min(found, default=math.inf)


def offered_rps(profile: Profile, phase: LoadPhaseSpec, limit: LoadLimit) -> float | None:
    """The lowest rate of what a limit is about, in the seconds that it is about; None where the target's answers decide it."""
    lowest = lowest_rps(phase, seconds_of(phase, limit.window()))
    return None if lowest is None else lowest * share_of(profile, phase, covered(profile, phase, limit))


def share_of(profile: Profile, phase: LoadPhaseSpec, operations: Collection[str]) -> float:
    """How much of a phase's requests are of these operations; all of them where none is named."""
    sent = weights(profile, phase)
    return sum(sent.get(name, 0.0) for name in operations or sent) / (sum(sent.values()) or 1.0)


def shortened(phase: LoadPhaseSpec, duration_s: float) -> LoadPhaseSpec:
    """The phase in less time: every stretch of its shape in proportion, every level as declared."""
    factor = duration_s / phase.duration_s
    changed: dict[str, object] = {"duration_s": duration_s}
    for key in ("ramp_s", "peak_s"):
        declared = getattr(phase, key)
        changed[key] = None if declared is None else declared * factor
    changed["limits"] = tuple(_in_proportion(limit, factor) for limit in phase.limits)
    changed["stages"] = tuple(s.model_copy(update={"duration_s": s.duration_s * factor}) for s in phase.stages)
    return phase.model_copy(update=changed)


def _in_proportion(limit: LoadLimit, factor: float) -> LoadLimit:
    if limit.window_s is None:
        return limit
    begin, end = limit.window_s
    return limit.model_copy(update={"window_s": (begin * factor, end * factor)})


def tagged(profile: Profile, phase: LoadPhaseSpec, tag: str) -> tuple[str, ...]:
    """The operations of a phase that have a tag."""
    sent = weights(profile, phase)
    return tuple(op.id for _, _, op in profile.all_operations() if op.id in sent and tag in op.tags)


def covered(profile: Profile, phase: LoadPhaseSpec, limit: LoadLimit) -> tuple[str, ...]:
    """The operations that a limit holds for; empty for all of the phase."""
    if limit.operation is not None:
        return (limit.operation,)
    return () if limit.tag is None else tagged(profile, phase, limit.tag)


def seconds_of(phase: LoadPhaseSpec, window: tuple[int, int] | None) -> frozenset[int]:
    """The seconds that are judged: those of the window, else of the phase."""
    return judged_seconds(phase) if window is None else frozenset(range(*window))


def arrivals_in(phase: LoadPhaseSpec, seconds: Collection[int]) -> float:
    """How many requests an open phase plans in these seconds; of scenarios, as many as begin and go to their end in time."""
    parts = stages(phase)
    begun = math.fsum(shapes.area_until(parts, second + 1) - shapes.area_until(parts, second) for second in seconds)
    return requests_per_arrival(phase) * begun


def asks_as_declared(phase: LoadPhaseSpec, operation: Operation, step: LoadStep | None = None) -> bool:
    """Whether a request of a phase is the declared one: then `values` and `contains` hold for its answer.

    A sweep and a step with values of its own ask something else, and identities of the phase somebody else.
    """
    if phase.sweep is not None or (phase.identities and operation.identity is not None):
        return False
    return operation.sendable and (step is None or step.as_declared)


def looked_at(profile: Profile, phase: LoadPhaseSpec) -> Mapping[str, float]:
    """Operation id → weight of those of its requests in a phase whose bodies can be held against schema or values."""
    operations = {op.id: op for _, _, op in profile.all_operations() if op.method != "HEAD"}
    sent = (
        [(key, weight, None) for key, weight in weights(profile, phase).items()]
        if not phase.scenarios
        else [(step.operation, float(way.weight), step) for way in phase.scenarios.values() for step in way.steps]
    )
    found: dict[str, float] = {}
    for key, weight, step in sent:
        operation = operations.get(key)
        if operation is None:
            continue
        says = bool(operation.expect.values) and asks_as_declared(phase, operation, step)
        if says or operation.expect.json_schema is not None:
            found[key] = found.get(key, 0.0) + weight
    return found


def check_every(profile: Profile, phase: LoadPhaseSpec) -> int:
    """One in how many answers is held against schema and values, where it has any: declared, or as few as can decide."""
    limit = profile.thresholds.max_error_ratio
    if phase.check_every is not None:
        return phase.check_every
    if phase.model == "closed" or not limit or limit >= 1:
        return FEW_CHECKED if phase.model == "open" else OFTEN_CHECKED
    enough = SPARE_SAMPLES * min_clean_samples(limit, 0.95)
    return max(1, min(FEW_CHECKED, int(looked_into(profile, phase) / enough)))


def looked_into(profile: Profile, phase: LoadPhaseSpec) -> float:
    """How many judged requests of an open phase have a body that can be held against schema or values."""
    of_these = sum(looked_at(profile, phase).values())
    return arrivals_in(phase, judged_seconds(phase)) * of_these / sum(weights(profile, phase).values())


def _without_sweeps(profile: Profile) -> Profile:
    """The profile with one phase for each value of a sweep, named after its size or number."""
    if all(phase.sweep is None or phase.sweep.points == 1 for phase in profile.load.values()):
        return profile
    phases: dict[str, LoadPhaseSpec] = {}
    for name, phase in profile.load.items():
        if phase.sweep is None or phase.sweep.points == 1:
            phases[name] = phase
            continue
        for word, single in phase.sweep.single():
            phases[f"{name}-{word}"] = phase.model_copy(update={"sweep": single})
    return profile.model_copy(update={"load": phases})


def with_load_operations(profile: Profile) -> Profile:
    """The profile with each sweep as its phases and the operations of each phase written out, so that all read the same."""
    profile = _without_sweeps(profile)
    phases = {
        name: phase if phase.scenarios else phase.model_copy(update={"operations": dict(weights(profile, phase))})
        for name, phase in profile.load.items()
    }
    return profile.model_copy(update={"load": phases}) if phases else profile
