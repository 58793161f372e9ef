"""Throughput as a rate: every whole second has places to fill with right answers; one that nothing fills is missed.

A place for which no request was sent is the target's only where the target sets the pace: in an open schedule arrivals lie on
the other side of a second's edge, users who rest come together, and what was never offered nobody knows.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from hybridcheck.cases import Case, Json, Reason, Undecided
from hybridcheck.checks.load.held import unless_held
from hybridcheck.checks.load.own_share import Rows
from hybridcheck.checks.load.phases import whole_seconds
from hybridcheck.checks.load.rates import Rate, phase_of, rate_finding
from hybridcheck.evidence import Evidence, LoadSecond
from hybridcheck.profile.load_foresight import rest_s, sent_rps
from hybridcheck.profile.load_limits import LoadLimit
from hybridcheck.profile.load_phases import ROUNDING, covered, peak_level, requests_per_arrival, share_of
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.statistics.spread import Batch
from hybridcheck.verdict import Finding, Outcome

DEVIATIONS = 3.0
"""Standard deviations of a number that is drawn: fewer than so many below what is expected are chance."""


def throughput_params(profile: Profile, spec: LoadPhaseSpec, limit: LoadLimit, allowed: float) -> dict[str, Json]:
    """A case's parameters for the `min_rps` of a limit, of the phase as it will be driven.

    `offered_rps` is the lowest rate that is sent however quick the target is: where there is one, and it is enough, a second
    of an open schedule with fewer arrivals has so many places less. Where it is not, or where the steps of scenarios come as
    the target lets them, what was not planned is missing, and nobody knows whether it would have been answered. `drawn`:
    dice, or the turns of operations, say how many arrivals a second has. `at_once`: so many requests of users who rest may come together.
    """
    operations, is_open = covered(profile, spec, limit), spec.model == "open"
    params: dict[str, Json] = {"wanted_rps": limit.min_rps, "limit_ratio": allowed, "model": spec.model}
    if not (is_open and spec.scenarios):
        params["offered_rps"] = sent_rps(profile, spec, limit)
    if not is_open and rest_s(spec):
        params["at_once"] = peak_level(spec) * requests_per_arrival(spec) * share_of(profile, spec, operations)
    return {**params, "drawn": True} if not is_open or spec.poisson or operations else params


def throughput_rate(params: Mapping[str, Json], seconds: Rows | None = None) -> Rate:
    """At most the allowed share of places is missed. `seconds`: all that is judged, where it is known already."""
    wanted_rps, allowed = float(params["wanted_rps"]), float(params["limit_ratio"])
    expected = f"at least {wanted_rps:g} requests per second answered rightly, all but {allowed:.2%} of them"
    explained = seconds is None or _is_explained(params, seconds)

    def batch(records: tuple[LoadSecond, ...]) -> Batch:
        places = _places(wanted_rps, records[0].second)
        granted, unknown = _without_request(params, records, explained=explained)
        return _filled(records, places - granted, unknown)

    return Rate(allowed, batch, expected, "missed", None, wanted_rps)


def throughput_finding(case: Case, evidence: Evidence) -> Finding:
    """Judge the places of the whole seconds of a case's phase.

    Raises:
        Undecided: no whole second counts; and see `rate_finding`.
    """
    phase, stream = phase_of(case, evidence), str(case.params["stream"])
    whole = whole_seconds(phase.seen.rows, phase.end, evidence.lasted_s.get(stream))
    phase = replace(phase, seconds={second: rows for second, rows in phase.seconds.items() if second in whole})
    if not phase.seconds:
        raise Undecided(Reason.TOO_FEW_SAMPLES, "no whole second that counts: the phase ended within the only one")
    finding = unless_held(rate_finding(case, phase, throughput_rate(case.params, phase.seconds)), case, phase, evidence)
    mean_rps = phase.total("ok") / len(phase.seconds)
    finding = finding.model_copy(update={"observed": f"{mean_rps:.1f} per second on average; {finding.observed}"})
    return _with_what_was_not_sent(finding, case, phase.seconds) if finding.outcome is Outcome.INCONCLUSIVE else finding


def _places(wanted_rps: float, second: int) -> int:
    """The places of a second: the arrivals that an even schedule of that rate has in it, so that no fraction is lost."""
    return math.ceil((second + 1) * wanted_rps - ROUNDING) - math.ceil(second * wanted_rps - ROUNDING)


def _without_request(params: Mapping[str, Json], rows: tuple[LoadSecond, ...], *, explained: bool) -> tuple[int, int]:
    """Of a second's places without a request: those that it does not have, and those of which nobody knows; others are missed."""
    wanted_rps = float(params["wanted_rps"])
    places = _places(wanted_rps, rows[0].second)
    unplanned = max(places - sum(row.planned for row in rows), 0)
    enough = _offers_enough(params)
    if params["model"] == "open":
        return (unplanned, 0) if enough and explained else (0, unplanned)
    if enough is False:
        return 0, unplanned
    by_edge = places - math.floor(wanted_rps + ROUNDING)  # a fraction of a request may lie in either second
    return 0, min(unplanned, unplanned if "at_once" in params else by_edge) if explained else 0


def _offers_enough(params: Mapping[str, Json]) -> bool | None:
    """Whether the plan sends as much as is wanted in each second; None where it does not say."""
    offered_rps = params.get("offered_rps")
    return None if offered_rps is None else float(offered_rps) >= float(params["wanted_rps"]) * (1 - ROUNDING)


def _is_explained(params: Mapping[str, Json], seconds: Rows) -> bool:
    """Whether no stretch of seconds lacks more requests than its edges, chance, and users who rest together account for.

    Of users the allowed share may be missed beside: what they were slowed down by no more than that breaks no promise.
    """
    wanted_rps, lacking, most = float(params["wanted_rps"]), 0.0, 0.0
    due_rps = wanted_rps if params["model"] == "open" else wanted_rps * (1 - float(params["limit_ratio"]))
    for second, rows in seconds.items():
        before = lacking if second - 1 in seconds else 0.0
        lacking = max(before + due_rps - sum(row.planned for row in rows), 0.0)
        most = max(most, lacking)
    chance = DEVIATIONS * math.sqrt(wanted_rps * len(seconds)) if params.get("drawn") else 0.0
    return most <= float(params.get("at_once", 1.0)) + chance + ROUNDING


def _filled(records: tuple[LoadSecond, ...], places: int, unknown: int) -> Batch:
    """One second's places: missing are those that cut arrivals, or such as nobody knows of, could have filled."""
    unfilled = places - min(places, sum(record.ok for record in records))
    missing = min(unfilled, unknown + sum(record.cut for record in records))
    return Batch(bad=unfilled - missing, total=places, missing=missing)


def _with_what_was_not_sent(finding: Finding, case: Case, seconds: Rows) -> Finding:
    """An undecided finding, with the places that no request was sent for, and why; more of the same would leave as many."""
    params, explained = case.params, _is_explained(case.params, seconds)
    unknown = sum(_without_request(params, rows, explained=explained)[1] for rows in seconds.values())
    if not unknown:
        return finding
    text, reason, enough = (
        f"{finding.observed}; no request was sent for {unknown} places",
        finding.reason,
        _offers_enough(params),
    )
    if enough is False:
        text += f": the load as it was driven offers {float(params['offered_rps']):.6g} per second where it is lowest"
    elif "at_once" in params:
        text += ": users who rest come together, and leave seconds empty"
    elif enough and not explained:
        text += f": of {params['wanted_rps']:g} per second that the profile offers, the recorded load had fewer"
        reason = Reason.EVIDENCE_INCOMPLETE
    return finding.model_copy(update={"observed": text, "reason": reason, "price": None})
