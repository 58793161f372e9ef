"""Checks that compare whole answers name the mistake as well: twins, repeated requests, stack traces."""

from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.checks.analytics.examples import Deterministic
from hybridcheck.checks.boundary.twins import TwinsAgree
from hybridcheck.checks.exposure.traces import NoStackTrace
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import FakeTarget, cases_of, finding_of

PROFILE: dict[str, Any] = {
    "operations": [
        {"id": "sum", "method": "POST", "path": "/sum", "safe": True, "body": {}, "twin": "ref", "deterministic": True},
        {"id": "ref", "method": "POST", "path": "/ref", "safe": True, "body": {}},
    ],
}


@pytest.mark.parametrize(
    ("own", "signature"),
    [('{"sum":-9223372036854775808}', "WRAP64"), ('{"sum":-1}', "MINUS1"), ('{"sum":7}', None), ("no JSON", None)],
)
def test_what_makes_one_answer_of_its_twins_is_named(own: str, signature: str | None) -> None:
    """Where a known mistake does; 2^63 is what CPython gives."""
    bodies = {"/sum": own, "/ref": '{"sum":9223372036854775808}'}
    found = finding_of(TwinsAgree(), PROFILE, FakeTarget(lambda ask: (200, {}, bodies[ask.path])))
    assert found.outcome is Outcome.FAIL, found.observed
    assert found.figures.get("signature") == signature


def answering(value: Callable[[int], Any]) -> FakeTarget:
    """A target whose n-th answer has that sum."""
    asked: list[Ask] = []

    def answer(ask: Ask) -> Any:
        asked.append(ask)
        return 200, {}, {"sums": [{"sum": value(len(asked)), "of": "x"}]}

    return FakeTarget(answer)


@pytest.mark.parametrize(
    ("value", "signature"),
    [
        (lambda n: 0.3 if n % 2 else 0.1 + 0.2, "REORDER"),
        (lambda n: 0.3 + n / 1000, None),
        (lambda n: n, None),
        (lambda n: 0.3 if n % 2 else "0.3", None),
        (lambda n: [0.3] * n, None),
    ],
)
def test_sums_in_another_order_are_named(value: Callable[[int], Any], signature: str | None) -> None:
    """Last digits of floats alone; larger differences, counters and other shapes are something else."""
    found = finding_of(Deterministic(), PROFILE, answering(value))
    assert found.outcome is Outcome.FAIL, found.observed
    assert found.figures.get("signature") == signature


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        ('Traceback\n  File "a.py", line 1, in f\n  File "b.py", line 2, in g\n', "LEAKPY"),
        ("Raised from: f\n/app/k.codon:12:3\n/app/k.codon:40:1\n", "LEAKCODON"),
        ("\tat a.b.C(C.java:1)\n\tat a.b.D(D.java:2)\n", None),
    ],
)
def test_whose_trace_it_is_is_named(body: str, signature: str | None) -> None:
    """CPython's and Codon's; others are a trace all the same."""
    target = FakeTarget(lambda _: (500, {"Content-Type": "text/plain"}, body))
    exchange = target._exchange("probe", Ask("GET", "/"))
    assert isinstance(exchange, Exchange)
    case = cases_of(NoStackTrace(), PROFILE)[0]
    found = NoStackTrace().judge(case, Evidence((), {"*": (exchange,)}))
    assert found.outcome is Outcome.FAIL, found.observed
    assert found.figures.get("signature") == signature
