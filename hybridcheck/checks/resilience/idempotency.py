"""Does a request that is sent again under the same key have its effect once."""

import json
from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import (
    boundary_of,
    found_at,
    is_good,
    number_in,
    numbers_of,
    operation_of,
    probed,
    with_header,
)
from hybridcheck.checks.boundary.crossing import declared as declared_operation
from hybridcheck.checks.check import Scene, WriteCheck
from hybridcheck.checks.operations import ask_for, operation_in, params_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

AGAIN = (2, 3)
"""How often the request is sent again, by round: effects that follow this number are no one else's."""

ROUNDS = len(AGAIN)


class Idempotent(WriteCheck):
    """Sent twice under one idempotency key, a request has one effect, and another body under that key is refused.

    Makes a thing under a fresh key and counts; sends the same again, twice in the first round and three times in the
    second, and another body under the same key. A thing with another id, as many more effects as it was sent again,
    or a success for the other body, in both rounds, is a fail. Any other count may be of others' requests. A conflict
    (409) for the repeated request is allowed: it may still be under way.
    """

    id = "resilience.idempotent"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    suite = "boundary"
    remedy = "Store key, digest of the body and answer in the transaction that has the effect; compare, then replay."
    refs = ("draft-ietf-httpapi-idempotency-key-header", "CWE-837")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where the operation, its count and its header are declared."""
        probe = scene.profile.probes.idempotent
        found = declared_operation(scene, probe.operation) if probe is not None else None
        effects = probed(scene, probe.effects) if probe is not None else None
        boundary = boundary_of(scene, probe.operation) if probe is not None else None
        if probe is None or found is None or effects is None or not found[1].cleanup:
            needs = "probes: {idempotent: {operation: ID, effects: {operation: ID, out: $.count}, other: {…}}}"
            yield Unmet(subject="keys", needs=f"{needs}, and a cleanup of that operation")
        elif boundary is None or boundary.headers.idempotency is None:
            yield Unmet(subject="keys", needs="boundaries: {NAME: {…, headers: {idempotency: Idempotency-Key}}}")
        else:
            params = {**params_of(found[1], self.suite), "effects": effects, "out": probe.effects.out}
            params |= {"header": boundary.headers.idempotency, "other": probe.other}
            yield Case(check=self.id, subject=probe.operation, params=params)

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Make, repeat, and reuse the key; count before and after each."""
        operation = operation_in(case.params)
        count = ask_for(operation_of(case.params["effects"]))
        for number, times in enumerate(AGAIN, 1):
            key = f"hybridcheck-{target.random.getrandbits(96):024x}"
            first = with_header(ask_for(operation), case.params["header"], key)
            declared = operation.body if isinstance(operation.body, dict) else {}
            other = replace(first, body=json.dumps({**declared, **case.params["other"]}).encode())
            made, counts = [], [await target.read(f"round.{number}.count.before", count)]
            for name, ask, often in (("first", first, 1), ("again", first, times), ("other", other, 1)):
                for attempt in range(1, often + 1):
                    label = f"round.{number}.{name}.{attempt}"
                    exchange, _ = await target.create(label, ask, cleanup=operation.cleanup, id_from=operation.id_from)
                    made.append(exchange)
                counts.append(await target.read(f"round.{number}.count.{name}", count))
            if not _wrong(case, made, counts):
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Count the effects."""
        expected = f"one key of {case.params['header']}, one effect"
        numbers = numbers_of(evidence.exchanges("round"))
        found = [self._round(case, evidence, number) for number in range(1, ROUNDS + 1)]
        if found[0] is None:
            text = "no effect of the first request alone can be counted, or not all was recorded"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        if not found[0]:
            return passed(expected, "one effect, and another body is refused", exchanges=numbers, n=1)
        if all(found):
            return failed(expected, found[-1] or "", exchanges=numbers, n=ROUNDS)
        reason = Reason.EVIDENCE_INCOMPLETE if found[1] is None else Reason.FLAKY
        return undecided(reason, expected, found[0], exchanges=numbers)

    def _round(self, case: Case, evidence: Evidence, number: int) -> str | None:
        """What was wrong in a round, empty where nothing was; None where it decides nothing."""
        wanted = {"first": 1, "again": AGAIN[number - 1], "other": 1}
        made = {name: evidence.exchanges(f"round.{number}.{name}") for name in wanted}
        counts = [evidence.exchanges(f"round.{number}.count.{name}") for name in ("before", *wanted)]
        if any(len(made[name]) != times for name, times in wanted.items()) or any(len(one) != 1 for one in counts):
            return None
        return _wrong(case, [exchange for name in wanted for exchange in made[name]], [one[0] for one in counts])


def _wrong(case: Case, made: list[Exchange], counts: list[Exchange]) -> str | None:
    """What is wrong with requests under one key, by their answers and the counts before and after each kind.

    Empty where nothing is; None where the first had no effect of its own, an answer says nothing, or others' requests
    may be what was counted.
    """
    first, *again, other = made
    if not is_good(first):
        return None
    place = operation_in(case.params).id_from or ""
    own = found_at(first, place) if place.startswith("$") else None
    another = next((id_ for e in again if own is not None and (id_ := found_at(e, place)) not in (None, own)), None)
    if another is not None:
        return f"the same request again made another thing: {another}, beside {own}"
    if is_good(other):
        return f"another body under the same key is answered {describe(other)}, as if it had been done"
    known = [number for exchange in counts if (number := number_in(exchange, case.params["out"])) is not None]
    if len(known) < len(counts) or known[1] != known[0] + 1 or known[3] != known[2]:
        return None
    if known[2] == known[1] + len(again):
        return f"the same request, {len(again)} times again, had {len(again)} more effects"
    settled = known[2] == known[1] and all(is_good(exchange) or exchange.status == 409 for exchange in again)
    refused = other.status is not None and 400 <= other.status < 500
    return "" if settled and refused else None
