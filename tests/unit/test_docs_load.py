"""The page about load tests: every profile in it can be planned, and every line of a run in it is what a run says."""

import re
from datetime import date
from pathlib import Path

import pytest

from hybridcheck.checks.catalogue import by_id
from hybridcheck.checks.check import Scene
from hybridcheck.plan import Selection, make
from hybridcheck.profile.models import Environment
from hybridcheck.profile.reading import read_text

PAGE = Path(__file__).parents[2] / "docs" / "load.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
TODAY = date(2026, 11, 20)
HEAD = """
version: 1
targets: {here: {url: http://127.0.0.1:8000, environment: local}}
identities: {alice: {token: "env:A"}, bob: {token: "env:B"}}
operations:
  - {id: search, path: /books, tags: [search]}
  - {id: readBook, path: "/books/{id}", params: {id: "7"}}
  - {id: addToCart, method: POST, path: /cart, auth: required, identity: alice, expect: 201}
  - {id: makeCart, method: POST, path: /carts, auth: required, identity: alice, creates: true, id_from: $.cart, cleanup: dropCart, expect: 201}
  - {id: dropCart, method: DELETE, path: "/carts/{cart}", auth: required, identity: alice, expect: 204}
"""


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_profile_of_the_page_can_be_planned(number: int, tmp_path: Path) -> None:
    """With the files that it names beside it; those that are no whole profile stand over a common head."""
    (tmp_path / "words.csv").write_text("term\nsea\n")
    (tmp_path / "people.jsonl").write_text('{"name": "ada"}\n')
    text = BLOCKS[number]
    if "version:" not in text:
        limits = "" if "thresholds:" in text else "thresholds: {max_latency_ms: 200, max_error_ratio: 0.01}\n"
        head = HEAD.partition("operations:")[0] if "operations:" in text else HEAD
        text = head + limits + text
    loaded = read_text(text.encode(), tmp_path / "hybridcheck.yaml", {"A": "a-token-1", "B": "b-token-1"}, today=TODAY)
    target = next(iter(loaded.profile.targets.values()))
    scene = Scene(loaded.profile, target.url, Environment(target.environment))
    plan = make(scene, by_id(), Selection(), today=TODAY)
    assert plan.complaints == ()
    assert len(plan.drives) == len(loaded.profile.load)


def test_what_a_run_says_before_it_begins_is_what_the_page_shows() -> None:
    """The line about a limit that cannot be decided, word for word."""
    text = """load: {day: {rate_rps: 12, duration_s: 20}}
thresholds: {max_error_ratio: 0.01}"""
    loaded = read_text(
        (HEAD + text).encode(), Path("hybridcheck.yaml"), {"A": "a-token-1", "B": "b-token-1"}, today=TODAY
    )
    scene = Scene(loaded.profile, "http://127.0.0.1:8000", Environment.LOCAL)
    (case,) = [c.case for c in make(scene, by_id(), Selection(only=("load.error-limit",))).cases]
    shown = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"{case.id} will stay undecided: {case.params['cannot_decide']}" in shown
