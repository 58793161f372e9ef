"""How the load section of a verdict is put into words, the same in every report for people."""

from collections.abc import Iterable

from hybridcheck.load_document import LoadPart, LoadPhase
from hybridcheck.writers.wording import counted, number

QUANTILES = ("p50", "p95", "p99")

ENDINGS = {
    "completed": "went to its end",
    "stopped_early": "ended early",
    "safety_abort": "ended by a safety abort",
    "aborted": "ended by hand",
    "": "no end marker",
}
"""How a phase ended, where it was not for its generator; a phase without a cause has no end marker."""

GO_ON = "hybridcheck load --stop-early never goes on to the end"

BEHIND = 0.01
"""Share of due arrivals not begun from which on it is worth saying; fewer are those under way at a second's end."""


def ending(cause: str | None, detail: str) -> str:
    """How a phase ended, and why; the generator is named only where it was the reason."""
    hint = f" ({GO_ON})" if cause == "stopped_early" else ""
    return ended(cause) + (f": {detail}" if detail else "") + hint


def ended(cause: str | None) -> str:
    """How a phase ended, in a few words."""
    return ENDINGS.get(cause or "", f"ended by the load generator ({cause})")


def times(measured_ms: dict[str, float | None]) -> str:
    """`p50 3 ms p95 9 ms p99 12 ms`."""
    return " ".join(f"{name} {number(measured_ms.get(name), 'ms')}" for name in QUANTILES)


def kinds(failed: dict[str, int]) -> str:
    """`14 failed (body_check 13, timeout 1)`."""
    listed = ", ".join(f"{kind} {count:,}" for kind, count in sorted(failed.items(), key=lambda one: (-one[1], one[0])))
    return f"{sum(failed.values()):,} failed" + (f" ({listed})" if listed else "")


def _lost(unsent: int, cut: int) -> str:
    return f", {unsent:,} unsent" * bool(unsent) + f", {cut:,} cut off" * bool(cut)


def lines(phase: LoadPhase) -> list[str]:
    """A phase: what was asked and what came back; how it ended and how the generator did; what was left out."""
    left = phase.left_out
    told = [_figures(phase), f"{ending(phase.cause, phase.cause_detail)} · {_generator(phase)}"]
    if left is not None:
        what = "the verdict"
        if phase.warm_up_s:
            found = f"by its rule the warm-up lasted until second {phase.warm_up_s}"
            what = f"latency and throughput ({found}; errors in it count from warmup_s on)"
        timed = f" · {times(left.response_ms)}" if left.response_ms.get("p50") is not None else ""
        told.append(
            f"left out of {what}: {left.seconds} s, {left.planned:,} planned, {left.ok:,} ok, "
            f"{kinds(left.failed)}{_lost(left.unsent, left.cut)}{timed}"
        )
    return told


def _figures(phase: LoadPhase) -> str:
    if not phase.seconds:
        return "no second counts"
    items = f" ({number(phase.items_per_s)} items/s)" if phase.items_per_s is not None else ""
    planned = f" of {number(phase.planned_rps)} planned" if phase.planned_rps is not None else ""
    whole = phase.seconds if phase.whole_seconds is None else phase.whole_seconds
    seconds = f"{whole} s" if whole == phase.seconds else f"the {whole} whole s of {phase.seconds} judged"
    counts = f"{phase.planned:,} planned, {phase.ok:,} ok, {kinds(phase.failed)}{_lost(phase.unsent, phase.cut)}"
    counts += "".join(f", {some:,} of {of:,} {what}" for what, (some, of) in phase.used.items())
    counts += f" · limits.max_rps held {phase.held:,} back: the target may give more" * bool(phase.held)
    counts += f" · {phase.behind:,} turns began later than their pace" * bool(phase.behind)
    return f"{number(phase.achieved_rps)} req/s{planned}{items} over {seconds} · {times(phase.response_ms)} · {counts}"


def _generator(phase: LoadPhase) -> str:
    """Whether the generator kept up; what waited for the target's connections is not its fault, and stands apart."""
    busy = phase.generator_cpu_max_ratio
    cpu = f"CPU at most {number(busy * 100)} %" if busy is not None else "CPU not measured"
    shared = f" in {len(phase.processes)} processes" * bool(phase.processes)
    own = phase.generator_lag_ms.get("p99")
    late = f", late by p99 {number(own, 'ms')}" if own is not None else ""
    wait = phase.connection_wait_ms.get("p99")
    waits = phase.connection_waits or 0
    waited = f" · {waits:,} waited for a free connection (max_connections), p99 {number(wait, 'ms')}" if waits else ""
    return f"generator{shared}: {cpu}{late}{waited}"


def worst_first(parts: Iterable[LoadPart]) -> list[LoadPart]:
    """Those with the most wrong answers first, then the slowest."""
    return sorted(parts, key=lambda part: (-_bad_share(part), -(part.response_ms.get("p95") or 0), part.name))


def _bad_share(part: LoadPart) -> float:
    return (part.planned - part.ok) / part.planned if part.planned else 0.0


def named_parts(phase: LoadPhase) -> list[tuple[str, LoadPart]]:
    """The operations of a phase, worst first, then its tags; nothing where one operation is all that it has."""
    tags = [(f"tag {part.name}", part) for part in worst_first(phase.tags)]
    if len(phase.operations) < 2 and not tags:
        return []
    return [*((part.name, part) for part in worst_first(phase.operations)), *tags]


def part_words(part: LoadPart) -> str:
    """An operation or tag in one line."""
    return (
        f"{part.planned:,} planned, {part.ok:,} ok, {kinds(part.failed)}{_lost(part.unsent, part.cut)} · response "
        f"{times(part.response_ms)} · service {times(part.service_ms)}"
    )


def examples(phase: LoadPhase) -> list[tuple[str, str]]:
    """The first failure of each kind at each operation: what it was, and in the target's or the client's words why."""
    told = []
    for part in worst_first(phase.operations):
        for kind in sorted(part.examples, key=lambda kind: (-part.failed.get(kind, 0), kind)):
            example, count = part.examples[kind], part.failed.get(kind, 0)
            when = "" if example.second is None else f", the first in second {example.second}"
            often = f"{counted(count, 'time')}" if count else "only in seconds that are left out"
            told.append((f"{part.name} {kind}", f"{often}{when}: {example.detail}"))
    return told


def process_lines(phase: LoadPhase) -> list[tuple[str, str]]:
    """Of each process that shared a phase: did it send what it was offered, how busy and how late was it, and its clock."""
    told = []
    for process in phase.processes:
        busy = "not measured" if process.cpu_max_ratio is None else f"at most {number(process.cpu_max_ratio * 100)} %"
        clock = ""
        if process.clock_offset_ms is not None:
            clock = (
                f", clock {number(process.clock_offset_ms, 'ms')} from ours (± {number(process.clock_error_ms, 'ms')})"
            )
        behind = f" of {process.offered:,} due" * (process.sent < (1 - BEHIND) * process.offered)
        sent = f"{process.sent:,} arrivals begun{behind}"
        lag = number(process.own_lag_p99_max_ms, "ms")
        told.append(
            (f"process {process.name} on {process.host}", f"{sent}, CPU {busy}, own start lag p99 at most {lag}{clock}")
        )
    return told
