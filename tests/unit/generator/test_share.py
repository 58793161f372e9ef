"""Several processes carry out one plan: what each does is dealt out in turn, and together they do what one would do."""

import random
from typing import Any

import pytest

from hybridcheck.generator.orders import Orders, Share, read_orders
from hybridcheck.generator.pace import NEVER, ClosedPace, OpenPace, scenario_turns, turns
from hybridcheck.generator.script import User
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.script import Script, ScriptFeeder, ScriptScenario, ScriptStep

RAMP = Shape(name="ramp", parameters={"from_level": 3, "to_level": 61, "ramp_s": 2.7, "hold_s": 0.4})


def orders(share: Share, **changes: object) -> Orders:
    """Orders of a ramp over three operations of different weights."""
    fields: dict[str, object] = {
        "base_url": "http://127.0.0.1:8000",
        "operations": tuple(
            Operation(name=name, path="/", weight=weight) for name, weight in (("a", 3), ("b", 2), ("c", 1))
        ),
        "shape": RAMP,
        "connections": 70,
        "seed": 7,
    }
    plan: dict[str, Any] = LoadPlan.model_validate(fields | changes).model_dump(mode="json")
    return read_orders(plan, {}, dict.fromkeys("abc", b""), share)


def sent(given: Orders) -> list[tuple[int, str]]:
    """Every arrival of a process with the operation whose turn it is."""
    turn = turns(given)
    pace = OpenPace(given, turns(given))
    found = []
    while pace.next_due != NEVER:
        found.append((pace.take(0, pace.next_due), next(turn).name))
    return found


@pytest.mark.parametrize("spacing", ["even", "poisson"])
@pytest.mark.parametrize("most", [None, 50])
@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_arrivals_of_all_processes_are_those_of_one(of: int, most: int | None, spacing: str) -> None:
    """The same instants, the same operations, each once; the request budget holds for all together."""
    changes: dict[str, object] = {"spacing": spacing}
    whole = orders(Share(), **changes)
    if most is not None:
        plan_of_fewer = {"shape": Shape(name="steady", parameters={"level": 25, "duration_s": 2}), "max_requests": most}
        changes |= plan_of_fewer
        whole = orders(Share(), **changes)
    parts = [sent(orders(Share(index, of), **changes)) for index in range(of)]
    assert sorted(arrival for part in parts for arrival in part) == sorted(sent(whole))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_users_connections_and_budget_are_dealt_out(of: int) -> None:
    """At every moment the users of all processes are the plan's, and so are connections and requests."""
    changes: dict[str, object] = {"model": "closed", "max_requests": 101}
    shares = [orders(Share(index, of), **changes) for index in range(of)]
    whole = ClosedPace(orders(Share(), **changes))
    paces = [ClosedPace(given) for given in shares]
    for now in range(0, 3_100_000_000, 50_000_000):
        assert sum(pace.tick(now) for pace in paces) == whole.tick(now)
    assert sum(given.connections for given in shares) == 70
    taken = 0
    for pace in paces:
        pace.tick(3_000_000_000)
        while pace.take(0, 3_000_000_000) >= 0:
            taken += 1
    assert taken == 101


def test_fewer_rows_than_processes_leave_nobody_without_load() -> None:
    """Rows that may be used again are everybody's then; those that are used once are not."""
    step = ScriptStep(operation="a", path=(("url", "circular.n"), ("url", "random.n"), ("url", "once.n")))
    feeders = tuple(
        ScriptFeeder.model_validate({"name": order, "order": order, "rows": ({"n": 1}, {"n": 2})})
        for order in ("circular", "random", "once")
    )
    script = Script(scenarios=(ScriptScenario(name="s", weight=1, steps=(step,)),), feeders=feeders)
    shares = [orders(Share(index, 3), script=script).script for index in range(3)]
    taken = [[rows.take() for rows in share.feeders] for share in shares if share is not None]
    assert [share[0] for share in taken] == [{"n": 1}, {"n": 2}, {"n": 1}]
    assert taken[2][1] in ({"n": 1}, {"n": 2})
    assert [share[2] for share in taken] == [{"n": 1}, {"n": 2}, None]


def test_rows_that_are_used_once_are_dealt_out_as_the_users_are() -> None:
    """Three users in two processes: who has two of them has two of three rows, so that both come to the end together."""
    step = ScriptStep(operation="a", path=(("url", "f.n"),))
    feeder = ScriptFeeder(name="f", order="once", rows=tuple({"n": number} for number in range(7)))
    script = Script(scenarios=(ScriptScenario(name="s", weight=1, steps=(step,)),), feeders=(feeder,))
    closed = {"model": "closed", "shape": Shape(name="steady", parameters={"level": 3, "duration_s": 2})}
    shares = [orders(Share(index, 2), script=script, connections=3, **closed) for index in range(2)]
    rows = [list(iter(given.script.feeders[0].take, None)) for given in shares if given.script is not None]
    assert [[row["n"] for row in own] for own in rows] == [[0, 2, 3, 5, 6], [1, 4]]
    pace = ClosedPace(shares[0])
    pace.tick(0)
    assert pace.take(0, 0) == 0
    pace.run_out()
    assert (pace.taken, pace.take(1, 0), pace.tick(1), pace.goes_on(1)) == (0, -1, 0, True)


@pytest.mark.parametrize("of", [1, 2, 3])
@pytest.mark.parametrize("order", ["circular", "once"])
def test_a_scenario_takes_rows_of_the_feeders_that_it_names_and_no_others(of: int, order: str) -> None:
    """Five rows and turns in cycles of five: all rows have their turn, in their order, whichever process has the turn."""
    buy = ScriptStep(operation="a", path=(("text", "/"),), headers=(("X", (("raw", "f.n"),)),))
    look = ScriptStep(operation="b", path=(("text", "/"),))
    feeder = ScriptFeeder.model_validate({"name": "f", "order": order, "rows": tuple({"n": n} for n in range(5))})
    ways = (ScriptScenario(name="buy", weight=1, steps=(buy,)), ScriptScenario(name="look", weight=4, steps=(look,)))
    taken: dict[int, int] = {}
    for index in range(of):
        given = orders(Share(index, of), script=Script(scenarios=ways, feeders=(feeder,)))
        assert given.script is not None
        turn, user = scenario_turns(given, given.script), User(0, (), random.Random(1))
        for arrival in range(index, 25, of):
            scenario = next(turn)
            assert user.begin(scenario.feeders, {})
            if scenario.index == 0:
                taken[arrival] = user.variables["f"]["n"]
    assert [taken[arrival] for arrival in sorted(taken)] == [0, 1, 2, 3, 4]


def test_no_user_does_all_of_a_kind() -> None:
    """Five users and turns of one to four: who buys is another one from time to time, and one of five arrivals buys."""
    step = ScriptStep(operation="a", path=(("text", "/"),))
    ways = tuple(ScriptScenario(name=name, weight=weight, steps=(step,)) for name, weight in (("buy", 1), ("look", 4)))
    given = orders(Share(), script=Script(scenarios=ways))
    assert given.script is not None
    turn = scenario_turns(given, given.script)
    buys = [arrival for arrival in range(200) if next(turn).index == 0]
    assert [arrival // 5 for arrival in buys] == list(range(40))
    assert {arrival % 5 for arrival in buys} == {0, 1, 2, 3, 4}
