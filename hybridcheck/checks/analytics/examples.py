"""Are results right: known questions get known answers, equal questions equal ones, different ones different ones."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.documents import difference
from hybridcheck.checks.operations import (
    ask_for,
    complaint_about,
    json_body,
    operation_in,
    operations,
    params_of,
)
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.diagnosis.numbers import of_repeats
from hybridcheck.diagnosis.signatures import WORDS, Signature
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.models import Kind
from hybridcheck.profile.operations import Example, Expect, Operation
from hybridcheck.statistics.closeness import same
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

TIMES = 5
"""How often an equal request is sent to an operation that declares equal answers."""

NEEDS_EXAMPLES = "operations: [{request: POST /path, safe: true, examples: [{body: [1, 2], expect: {$.mean: 1.5}}]}]"

NEEDS_PAIR = (
    "operations: [{request: POST /path, safe: true, "
    "examples: [{body: [1], expect: {$.found: 0}}, {body: [9], expect: {$.found: 1}}]}]"
)


class ExamplesHold(ReadCheck):
    """Known questions get their known answers.

    Sends each declared example of an operation and compares the values at its paths, numbers within its tolerance.
    A wrong value, three times of three, is a fail.
    """

    id = "operations.examples-hold"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    remedy = (
        "Compute the example by hand; then look at what changed last: the model, the build, the data, the rounding."
    )
    refs = ("ISO/IEC 25010 functional correctness",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per example of each operation that reads."""
        found = False
        for suite, operation in operations(scene):
            for index, example in enumerate(operation.examples):
                found = True
                yield Case(
                    check=self.id,
                    subject=f"{operation.id}: {example.name or index + 1}",
                    params={**params_of(operation, suite), "example": index},
                )
        if not found:
            yield Unmet(subject="examples", needs=NEEDS_EXAMPLES)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the example, again where the answer is wrong."""
        operation, example = _example_in(case)
        expect = expectation(operation, example)
        await ask_until_good(target, "probe", ask_example(operation, example), lambda e: complaint_about(e, expect))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the values."""
        operation, example = _example_in(case)
        expect = expectation(operation, example)
        values = ", ".join(f"{path} = {json.dumps(value)}" for path, value in example.expect.items())
        return judge_repeats(evidence, "probe", values[:300], lambda e: complaint_about(e, expect))


class Deterministic(ReadCheck):
    """Equal requests get equal answers, where that is declared.

    Sends the declared request of each operation with `deterministic: true` five times, on fresh and on used
    connections. Two answers whose JSON differs anywhere are a fail; nothing is left out of the comparison.
    """

    id = "operations.deterministic"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    remedy = "Look for races, unseeded randomness, the order of parallel sums, and replicas of different builds."
    refs = ("CWE-362", "CWE-758")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per operation that reads and declares it."""
        found = [(suite, op) for suite, op in operations(scene) if op.deterministic]
        for suite, operation in found:
            yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite))
        if not found:
            yield Unmet(subject="operations", needs="operations: [{request: GET /path, deterministic: true}]")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask five times."""
        ask = ask_for(operation_in(case.params))
        for time in range(1, TIMES + 1):
            await target.read(f"probe.{time}", replace(ask, fresh=time % 2 == 0))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare each answer with the first."""
        operation = operation_in(case.params)
        expected = f"{TIMES} equal requests to {operation.id} get equal answers"
        exchanges = evidence.exchanges("probe")
        numbers = tuple(exchange.n for exchange in exchanges)
        if len(exchanges) < TIMES:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
        odd = next((e for e in exchanges if e.status not in operation.expect.status), None)
        if odd is not None:
            reason = Reason.THROTTLED if odd.status == 429 else Reason.NO_TEST_DATA
            return undecided(reason, expected, f"an answer is not as declared: {describe(odd)}", exchanges=numbers)
        try:
            documents = [json_body(exchange) for exchange in exchanges]
        except ValueError as error:
            return undecided(Reason.NO_TEST_DATA, expected, f"the body is not JSON: {error}", exchanges=numbers)
        different = [found for other in documents[1:] if (found := difference(documents[0], other))]
        if different:
            text = f"{different[0]} ({len(different)} of {TIMES - 1} answers differ from the first)"
            if reordered(documents):
                text = f"{WORDS[Signature.REORDER]}. {text}"
                figures = {"signature": Signature.REORDER.value}
                return failed(expected, text, exchanges=numbers, n=TIMES, figures=figures)
            return failed(expected, text, exchanges=numbers, n=TIMES)
        return passed(expected, f"{TIMES} equal answers", exchanges=numbers, n=TIMES)


class DependsOnInput(ReadCheck):
    """A detection depends on what it is shown.

    Sends two declared examples of an AI detection that have to give different values at the same path. The same
    value at every such path, three times of three for both, is a fail: a detector that says the same of everything.
    """

    id = "detection.depends-on-input"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    suite = Kind.AI_DETECTION.value
    remedy = "See whether the model is loaded and its input reaches it; a stub or a fallback answers the same always."
    refs = ("ISO/IEC 25010 functional correctness",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per detection that has a pair of examples."""
        found = False
        for suite, operation in operations(scene):
            pair = _pair_that_differs(operation) if suite == self.suite else None
            if pair is not None:
                found = True
                params = {**params_of(operation, suite), "pair": list(pair)}
                yield Case(check=self.id, subject=operation.id, params=params)
        if not found:
            yield Unmet(subject="detections", needs=f"services: {{NAME: {{kind: ai_detection, {NEEDS_PAIR}}}}}")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send both, three times."""
        operation, (first, second) = _pair_in(case)
        for time in range(1, 4):
            one = await target.read(f"first.{time}", ask_example(operation, first))
            other = await target.read(f"second.{time}", ask_example(operation, second))
            if _alike(one, other, operation, _paths_apart(first, second)) is not True:
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the pairs."""
        operation, (first, second) = _pair_in(case)
        paths = _paths_apart(first, second)
        expected = f"'{first.name}' and '{second.name}' get different values at {', '.join(paths)}"
        pairs = list(zip(evidence.exchanges("first"), evidence.exchanges("second"), strict=False))
        numbers = tuple(exchange.n for pair in pairs for exchange in pair)
        found = [_alike(one, other, operation, paths) for one, other in pairs]
        if not found:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "nothing was recorded")
        if None in found:
            return undecided(Reason.NO_TEST_DATA, expected, "an answer is not as declared", exchanges=numbers)
        if found[0] is False:
            return passed(expected, "they do", exchanges=numbers, n=2)
        if False in found:
            return undecided(Reason.FLAKY, expected, "the same values, but not each time", exchanges=numbers)
        if len(found) < 3:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not repeated", exchanges=numbers)
        return failed(expected, f"the same values for both, {len(found)} times", exchanges=numbers, n=2 * len(found))


def reordered(documents: Sequence[Json]) -> bool:
    """Whether all that differs between documents of one shape are last digits of floats."""
    first = documents[0]
    if any(type(other) is not type(first) for other in documents):
        return False
    if isinstance(first, dict):
        same_names = all(other.keys() == first.keys() for other in documents)
        return same_names and all(reordered([other[name] for other in documents]) for name in first)
    if isinstance(first, list):
        same_length = all(len(other) == len(first) for other in documents)
        return same_length and all(map(reordered, map(list, zip(*documents, strict=False))))
    return all(other == first for other in documents) or (type(first) is float and bool(of_repeats(documents)))


def ask_example(operation: Operation, example: Example) -> Ask:
    """The request of an example: the declared one with the example's body and query."""
    body = operation.body if example.body is None else example.body
    changes = {"body": body, "query": {**operation.query, **example.query}}
    return ask_for(operation.model_copy(update=changes))


def expectation(operation: Operation, example: Example) -> Expect:
    """What an example has to be answered with."""
    return Expect(status=operation.expect.status, values=example.expect, tolerance=example.tolerance)


def _example_in(case: Case) -> tuple[Operation, Example]:
    operation = operation_in(case.params)
    return operation, operation.examples[int(case.params["example"])]


def _pair_in(case: Case) -> tuple[Operation, tuple[Example, Example]]:
    operation = operation_in(case.params)
    first, second = case.params["pair"]
    return operation, (operation.examples[first], operation.examples[second])


def _pair_that_differs(operation: Operation) -> tuple[int, int] | None:
    pairs = combinations(range(len(operation.examples)), 2)
    return next((p for p in pairs if _paths_apart(operation.examples[p[0]], operation.examples[p[1]])), None)


def _paths_apart(first: Example, second: Example) -> list[str]:
    """The paths at which two examples expect values that differ by more than both tolerances."""
    tolerance = first.tolerance + second.tolerance
    common = [path for path in first.expect if path in second.expect]
    return [path for path in common if not same(first.expect[path], second.expect[path], tolerance)]


def _alike(one: Exchange, other: Exchange, operation: Operation, paths: list[str]) -> bool | None:
    """Whether two answers have the same value at every path; None where one is no answer as declared."""
    documents: list[Json] = []
    for exchange in (one, other):
        if exchange.status not in operation.expect.status:
            return None
        try:
            documents.append(json_body(exchange))
        except ValueError:
            return None
    try:
        return all(same(value_at(documents[0], path), value_at(documents[1], path), 0.0) for path in paths)
    except NoSuchPath:
        return None
