"""What would decide a case of a load phase: the line of the profile or the flag, with the phase's own name and length."""

import math
from typing import Literal

from hybridcheck.cases import Budget, Reason
from hybridcheck.engine.streams import Streams
from hybridcheck.engine.subject import profile_of
from hybridcheck.evidence import LoadEnd, LoadSecond, RunStart
from hybridcheck.profile.drives import scaled, wider, with_budget
from hybridcheck.profile.load_phases import judged_seconds
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.verdict import CaseVerdict

STREAMS = ("load/", "listen/")
"""What the names of a phase's streams begin with."""

LONGEST_S = 86_400
"""The longest phase that a profile may declare."""

Deed = tuple[Literal["profile", "flag", "target"], str]


class LoadAdvice:
    """Knows the phases of a run as they were driven."""

    def __init__(self, start: RunStart, streams: Streams) -> None:
        self._cases = {planned.case.id: planned.case for planned in start.plan}
        self._profile = profile_of(start)
        self._budget = next((budget for budget in Budget if budget == start.budget), Budget.FULL)
        self._phases = len(self._profile.load) if self._profile is not None else 1
        self._unsent = {
            record.stream.removeprefix("load/")
            for record in streams.records
            if isinstance(record, LoadSecond) and record.unsent
        }
        self._ends = {record.stream: record for record in streams.records if isinstance(record, LoadEnd)}

    def longer_by(self, case_id: str, seconds: float | None) -> str:
        """The line that makes a case's phase, or its window, so much longer; empty where it is of no phase."""
        case, name = self._cases[case_id], self._phase_of(case_id)
        spec = self._driven(name)
        if spec is None or seconds is None:
            return ""
        window = case.params.get("window")
        if window is not None:
            return self._longer_window(name, spec, (window[0], window[1]), seconds)
        share = len(judged_seconds(spec)) / spec.duration_s if spec.judge == "hold" else 1.0
        whole_s = math.ceil(spec.duration_s + seconds / share) if share else math.inf
        if whole_s > LONGEST_S:
            return f"load: {{{name}: ...}} at a higher rate, or a limit that is further from what is seen"
        declared_s = self._declared(name, spec).duration_s
        words = f"{whole_s}" if whole_s > declared_s or spec.duration_s == declared_s else f"{declared_s:g}"
        return self._of_length(name, spec, words, float(whole_s))

    def _longer_window(self, name: str, spec: LoadPhaseSpec, window: tuple[int, int], seconds: float) -> str:
        """More of a window that the budget shortened with its phase, or else a longer one."""
        declared, wanted_s = self._declared(name, spec), window[1] - window[0] + seconds
        lines = [index for index, limit in enumerate(spec.limits) if limit.window() == window]
        for budget in wider(self._budget):
            driven = scaled(declared, budget, self._phases)
            begin, end = next((driven.limits[line].window() for line in lines), None) or window
            if end - begin >= wanted_s:
                return f"load: {{{name}: ...}} with --budget {budget}, which drives more of the window"
        flag = with_budget(declared.duration_s, self._budget, self._phases)
        return f"a limit of load: {{{name}: ...}} whose window_s is about {wanted_s:.0f} s long{flag}"

    def deed(self, case: CaseVerdict) -> Deed | None:
        """What would decide an undecided case without a price; None where its reason has nothing to do with its phase."""
        name, reason = self._phase_of(case.id), case.finding.reason
        spec = self._driven(name)
        if spec is None:
            return None
        if reason is Reason.STOPPED_EARLY:
            lines = f"hybridcheck load --stop-early never, or load: {{{name}: {{stop_early: never}}}}"
            return "flag", f"a load phase that goes on to its end: {lines}"
        if reason is Reason.SAFETY_ABORT:
            lines = f"a lower rate or another abort_when under load: {{{name}: ...}}"
            return "target", f"a target that stands the load, {lines}"
        return self._more_samples(case, name, spec) if reason is Reason.TOO_FEW_SAMPLES else None

    def _more_samples(self, case: CaseVerdict, name: str, spec: LoadPhaseSpec) -> Deed:
        params, end = self._cases[case.id].params, self._ends.get(f"load/{name}")
        if params.get("cannot_decide"):
            return "profile", f"load: {{{name}: ...}} that can decide the limit, which {params['cannot_decide']}"
        if end is not None and end.proves_until is not None:
            return "profile", f"load: {{{name}: ...}} of which more seconds count"
        if name in self._unsent:
            return (
                "profile",
                f"{self._connections(name, spec)}, or a target that answers sooner: arrivals were never sent",
            )
        if case.finding.unit == "ratio" and case.finding.value is not None:
            near = "at this share and spread of bad answers no longer phase is known to decide"
            return "profile", f"a limit that is further from what load: {{{name}: ...}} shows: {near}"
        declared = self._declared(name, spec)
        if spec.duration_s < declared.duration_s:
            driven = f"this run drove {spec.duration_s:g} s of it"
            return "flag", self._of_length(
                name, declared, f"{declared.duration_s:g}", declared.duration_s
            ) + f" ({driven})"
        longer = self._of_length(name, spec, f"more than {spec.duration_s:g}", spec.duration_s + 1)
        if params.get("find_warmup"):
            longer += ", or warmup_s there instead of a warm-up that is found"
        return "profile", longer

    def _connections(self, name: str, spec: LoadPhaseSpec) -> str:
        """The line that bounded the connections of a phase: its own, or that of the whole profile."""
        most = self._profile.limits.max_connections if self._profile is not None else spec.max_connections
        if most < spec.max_connections:
            return f"limits: {{max_connections: more than {most}}}"
        return f"load: {{{name}: {{max_connections: more than {spec.max_connections}}}}}"

    def _of_length(self, name: str, spec: LoadPhaseSpec, words: str, whole_s: float) -> str:
        """The line for a phase of this length, with the budget that drives it whole."""
        line = f"stages that last {words} s in all" if spec.shape == "stages" else f"duration_s: {words}"
        return f"load: {{{name}: {{{line}}}}}{with_budget(whole_s, self._budget, self._phases)}"

    def _declared(self, name: str, spec: LoadPhaseSpec) -> LoadPhaseSpec:
        return self._profile.load[name] if self._profile is not None else spec

    def _phase_of(self, case_id: str) -> str:
        shared = self._cases[case_id].shared
        return next((stream[len(head) :] for stream in shared for head in STREAMS if stream.startswith(head)), "")

    def _driven(self, name: str) -> LoadPhaseSpec | None:
        """The phase as this run drove it; None where the profile has none of this name, or cannot be read again."""
        declared = self._profile.load.get(name) if self._profile is not None else None
        if declared is None or self._profile is None:
            return None
        return scaled(declared, self._budget, self._phases)
