"""Contract, exposure, header, metrics and scaling checks: less evidence keeps a finding or leaves it undecided."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hybridcheck.cases import Case, Undecided, Unmet
from hybridcheck.checks.catalogue import CHECKS
from hybridcheck.checks.check import Check, Scene
from hybridcheck.evidence import Evidence, Exchange, Record
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import read_profile
from hybridcheck.target import Ask, EvidenceLost
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, Answering, FakeTarget

ROOMS = ("contract", "exposure", "headers", "metrics", "scaling")
MINE = [check for check in CHECKS if check.__module__.split(".")[2] in ROOMS]
REFERENCE = Path(__file__).parents[3] / "profiles" / "reference.yaml"
NAMES = re.findall(r"env:([A-Z_]+)(?!.*\|)", REFERENCE.read_text(encoding="utf-8"))
"""Variables without a default."""
VARIABLES = {name: "https://target.test" if name.endswith("_URL") else "p" * 20 for name in NAMES}


def profile() -> Profile:
    """The reference profile, with what it leaves out."""
    found = read_profile(REFERENCE, VARIABLES).profile
    seen = found.observability.model_copy(update={"instance_header": "X-Instance", "instances": 2})
    shown = found.exposure.model_copy(update={"docs_public": False})
    return found.model_copy(update={"observability": seen, "exposure": shown})


def everything_fine(ask: Ask) -> Answer:
    """200 with an object."""
    return 200, {"X-Instance": "a"}, {"id": "1", "name": "x"}


def everything_broken(ask: Ask) -> Answer:
    """500 with a page."""
    return 500, {"Server": "x/1.2", "Content-Type": "text/html"}, "<title>Index of /</title>"


def taking_turns() -> Answering:
    """Good and bad answers in turn."""
    count = [0]

    def answer(ask: Ask) -> Answer:
        count[0] += 1
        return (everything_fine, everything_broken)[count[0] % 2](ask)

    return answer


def outcome_of(check: Check, case: Case, own: tuple[Record, ...]) -> Outcome:
    """What the engine would make of these records."""
    everything = tuple(record for record in own if isinstance(record, Exchange))
    try:
        return check.judge(case, Evidence(own, {"*": everything})).outcome
    except Undecided:
        return Outcome.INCONCLUSIVE


def gathered(check: Check, case: Case, answering: Answering) -> tuple[Record, ...]:
    """What a case records."""
    target = FakeTarget(answering, base_url="https://target.test")

    async def probe() -> None:
        with suppress(EvidenceLost):
            await check.probe(case, target)  # type: ignore[attr-defined]

    asyncio.run(probe())
    if not target.records:  # a passive check looks at what others recorded
        target._exchange("x", Ask("GET", "/x", operation="x"))
    return tuple(target.records)


@pytest.mark.parametrize("answering", [everything_fine, everything_broken, taking_turns()])
@pytest.mark.parametrize("made", MINE, ids=lambda made: made.id)
def test_a_record_less_never_turns_a_finding_around(made: type[Check], answering: Answering) -> None:
    """Nothing at all is undecided; without any one record a finding stays, or is undecided."""
    check = made()
    cases: list[Any] = list(check.cases(Scene(profile(), "https://target.test", Environment.LOCAL)))
    assert cases or made.id == "contract.large-body-limit"
    for case in [case for case in cases if not isinstance(case, Unmet)][:3]:
        assert outcome_of(check, case, ()) is Outcome.INCONCLUSIVE
        records = gathered(check, case, answering)
        whole = outcome_of(check, case, records)
        for at in range(len(records)):
            less = outcome_of(check, case, records[:at] + records[at + 1 :])
            assert less in {whole, Outcome.INCONCLUSIVE}, (case.id, records[at])
