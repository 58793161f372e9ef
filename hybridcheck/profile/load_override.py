"""Load that is asked for on the command line: what `hybridcheck load --shape … --rate …` makes of a profile.

The result is a profile like any other, held to the same rules; everything that is wrong comes at once, each complaint at
the option that it is about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from pydantic import ValidationError

from hybridcheck.cases import Budget, Json
from hybridcheck.errors import Complaint, ProfileError
from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.document import spelled
from hybridcheck.profile.drives import scaled
from hybridcheck.profile.load_limits import StopEarly
from hybridcheck.profile.load_phases import shortened, with_load_operations
from hybridcheck.profile.load_spec import PARAMETERS, LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.profile.wording import nearest

OPTIONS: Mapping[str, str] = {
    "shape": "--shape",
    "rate_rps": "--rate",
    "users": "--users",
    "peak_rps": "--peak",
    "peak_users": "--peak",
    "duration_s": "--duration",
    "warmup_s": "--duration",
    "max_rps": "--rate",
}
"""Key of a phase → the option that sets it."""

SHAPE_KEYS = ("peak_rps", "peak_users", "peak_s", "ramp_s", "steps", "stages", "from_rps", "from_users")
"""What belongs to one shape and means nothing to another."""


@dataclass(frozen=True, slots=True)
class LoadOverride:
    """What was asked for beside the profile; None where nothing was said.

    `phase` chooses one declared phase, or a sweep with all of its phases; the others are left out. `rate_rps` makes the model open, `users` closed. `peak` is
    in the unit of the model. `stop_early` is that of every phase, or where it was not asked for in
    words (`stop_early_asked`), of those that do not say.
    """

    phase: str | None = None
    shape: str | None = None
    rate_rps: float | None = None
    users: int | None = None
    peak: float | None = None
    duration_s: float | None = None
    stop_early: StopEarly | None = None
    stop_early_asked: bool = True

    @property
    def asks(self) -> bool:
        """Whether anything was asked for."""
        return replace(self, stop_early=None, stop_early_asked=True) != NOTHING_ASKED

    @property
    def changes(self) -> bool:
        """Whether a phase is to be other than declared."""
        return replace(self, phase=None).asks


NOTHING_ASKED = LoadOverride()


def overridden(profile: Profile, asked: LoadOverride, budget: Budget, today: date) -> Profile:
    """The profile with the phase (or the sweep) that was asked for, as it was asked for.

    Raises:
        ProfileError: what was asked for is wrong by itself, or by the profile's own rules.
    """
    if not asked.asks:
        return ending_early(profile, asked)
    wrong = tuple(_wrong_by_itself(profile, asked))
    if wrong:
        raise ProfileError(wrong)
    specs: dict[str, LoadPhaseSpec] = {}
    for name, declared in _chosen(profile, asked).items():
        spec = _changed(declared, asked) if asked.changes else declared
        assert spec is not None  # a phase that is not declared is asked for with something that changes it
        specs[name] = spec
    changed = profile.model_copy(update={"load": specs})
    beyond = dict.fromkeys(
        found for spec in specs.values() for found in _beyond_budget(spec, asked, budget, len(specs))
    )
    wrong = (*_contradictions(changed, asked, today), *beyond, *_limitless(changed))
    if wrong:
        raise ProfileError(wrong)
    return ending_early(with_load_operations(changed), asked)


def ending_early(profile: Profile, asked: LoadOverride) -> Profile:
    """The profile whose load phases end as early as was asked for."""
    if asked.stop_early is None or not profile.load:
        return profile
    phases = {
        name: phase.model_copy(update={"stop_early": asked.stop_early})
        if not phase.find_warmup and (asked.stop_early_asked or "stop_early" not in phase.model_fields_set)
        else phase
        for name, phase in profile.load.items()
    }
    return profile.model_copy(update={"load": phases})


def _wrong_by_itself(profile: Profile, asked: LoadOverride) -> Iterator[Complaint]:
    if asked.shape is not None and asked.shape not in PARAMETERS:
        known = f"known: {', '.join(PARAMETERS)}"
        close = nearest(asked.shape, PARAMETERS)
        hint = f"{close}; {known}" if close.startswith("did you mean") else known
        yield Complaint("--shape", f"there is no shape '{asked.shape}'", hint)
    if asked.rate_rps is not None and asked.users is not None:
        yield Complaint("--users", "a rate is of the open model, users are of the closed one", "give one of the two")
    sweeps = {name.rpartition("-")[0] for name, spec in profile.load.items() if spec.sweep is not None}
    if asked.phase is not None and not _named(profile, asked.phase):
        hint = nearest(asked.phase, [*profile.load, *sorted(sweeps)]) or "the profile declares no load phase"
        yield Complaint("--phase", f"there is no load phase '{asked.phase}'", hint)
    if asked.phase is None and len(profile.load) > 1:
        message = "the profile has several load phases: which one is to be changed?"
        yield Complaint("--phase", message, f"--phase {' | '.join(profile.load)}")


def _chosen(profile: Profile, asked: LoadOverride) -> Mapping[str, LoadPhaseSpec | None]:
    """What is meant, and how it is declared: a phase, those of a sweep, one of its own where the profile has none."""
    if asked.phase is not None:
        return _named(profile, asked.phase)
    return profile.load or {asked.shape or "steady": None}


def _named(profile: Profile, name: str) -> Mapping[str, LoadPhaseSpec]:
    """The phase of that name, or every phase of the sweep that is declared by it."""
    if name in profile.load:
        return {name: profile.load[name]}
    return {
        found: spec
        for found, spec in profile.load.items()
        if spec.sweep is not None and found.rpartition("-")[0] == name
    }


def _changed(declared: LoadPhaseSpec | None, asked: LoadOverride) -> LoadPhaseSpec:
    """The phase as it was asked for.

    Raises:
        ProfileError: the parts do not fit together.
    """
    if declared is not None and asked.duration_s is not None:
        declared = shortened(declared, asked.duration_s)  # every stretch of the same shape in proportion
    kept: dict[str, Json] = {} if declared is None else declared.model_dump(exclude_unset=True, by_alias=True)
    if declared is not None:
        kept |= {"model": declared.model, "shape": declared.shape, "duration_s": declared.duration_s}
    try:
        return LoadPhaseSpec.model_validate({**_kept(kept, asked), **_given(kept, asked)})
    except ValidationError as wrong:
        raise ProfileError(tuple(_complaint(error) for error in wrong.errors(include_url=False))) from wrong


def _kept(kept: dict[str, Json], asked: LoadOverride) -> dict[str, Json]:
    """What stays of the declared phase: nothing of another shape, nothing of the other model."""
    gone: set[str] = set()
    if asked.shape is not None and asked.shape != kept.get("shape"):
        gone |= set(SHAPE_KEYS)
    if asked.rate_rps is not None:
        gone |= {"users", "from_users", "peak_users", "think_s", "pacing_s"}
    if asked.users is not None:
        gone |= {"rate_rps", "from_rps", "peak_rps"}
    return {key: value for key, value in kept.items() if key not in gone and value is not None}


def _given(kept: dict[str, Json], asked: LoadOverride) -> dict[str, Json]:
    """What was asked for, in the keys of a phase."""
    closed = asked.users is not None or (asked.rate_rps is None and kept.get("model") == "closed")
    given: dict[str, Json] = {
        "model": "closed" if closed else "open",
        "shape": asked.shape,
        "rate_rps": asked.rate_rps,
        "users": asked.users,
        "duration_s": asked.duration_s,
        "peak_users" if closed else "peak_rps": asked.peak,
    }
    return {key: value for key, value in given.items() if value is not None}


def _complaint(error: Mapping[str, Json]) -> Complaint:
    key = str(error["loc"][0]) if error["loc"] else ""
    message = str(error["msg"]).removeprefix("Value error, ")
    where = OPTIONS.get(key) or next(
        (option for word, option in OPTIONS.items() if word in message), "hybridcheck load"
    )
    options = sorted({option for word, option in OPTIONS.items() if word in message})
    return Complaint(where, message, f"see {', '.join(options)}" if options else "")


def _contradictions(profile: Profile, asked: LoadOverride, today: date) -> Iterator[Complaint]:
    """What does not fit the rest of the profile; what was wrong with that before has been said when it was read.

    A load that offers less than the declared throughput is no contradiction: it is about something else.
    """
    for found in contradictions(profile, today):
        if found.path[:1] == ("load",):
            where = OPTIONS.get(str(found.path[-1]), "") if asked.changes else ""
            yield Complaint(where or spelled(found.path), found.message, found.hint)


def _beyond_budget(spec: LoadPhaseSpec, asked: LoadOverride, budget: Budget, phases: int) -> Iterator[Complaint]:
    """A length that was asked for, of one of so many phases, is driven as it was asked for, or not at all."""
    longest_s = scaled(spec, budget, phases).duration_s
    if asked.duration_s is not None and longest_s < asked.duration_s:
        one = "a load phase" if phases == 1 else f"one of {phases} load phases"
        message = f"{asked.duration_s:g} s are more than {one} of budget {budget} has ({longest_s:g} s)"
        fits = next(wider for wider in Budget if scaled(spec, wider, phases).duration_s >= asked.duration_s)
        yield Complaint("--duration", message, f"--budget {fits}")


def _limitless(profile: Profile) -> Iterator[Complaint]:
    """Without any limit there is nothing to decide, and nothing would be driven."""
    limits = profile.thresholds
    declared = any(limit is not None for limit in (limits.max_latency_ms, limits.max_error_ratio))
    if not declared and not any(phase.objectives or phase.limits for phase in profile.load.values()):
        hint = "thresholds: {max_latency_ms: 200, max_error_ratio: 0.01}, or HYBRIDCHECK_MAX_LATENCY=200"
        yield Complaint("thresholds", "the profile declares no limit to hold the load to", hint)
