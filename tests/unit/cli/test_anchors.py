"""Lines of the profile for cases."""

from pathlib import Path

import pytest

from hybridcheck.cli.anchors import lines_of, uri_of
from hybridcheck.verdict import Outcome, Verdict
from tests.unit.writers import verdicts

PROFILE = """version: 1
ready: /ready
identities:
  alice: {token: env:A}
operations:
  - GET /orders -> 200
  - {id: drop, method: DELETE, path: /x}
services:
  shop:
    operations:
      - request: GET /carts
"""


def _verdict(*ids: str) -> Verdict:
    cases = [verdicts.case(identity) for identity in ids]
    return verdicts.verdict(checks=tuple(verdicts.check_of(case, outcome=Outcome.PASS) for case in cases))


@pytest.mark.parametrize(
    "case,line",
    [
        ("contract.status[GET /orders]", 6),
        ("contract.status[drop]", 7),
        ("contract.status[GET /carts]", 11),
        ("authn.garbage[alice]", 4),
        ("health.ready[ready]", 2),
        ("contract.status[unknown]", 5),
        ("streams.order[events]", 1),
    ],
)
def test_a_case_is_found_by_its_subject_else_by_its_topic(case: str, line: int, tmp_path: Path) -> None:
    """The nearest line that promises it; the first where none does."""
    path = tmp_path / "hybridcheck.yaml"
    path.write_text(PROFILE, encoding="utf-8")
    assert lines_of(path, _verdict(case)) == {case: line}


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"\x00", b"a: [", b"operations: {a: 1}\nservices: [1]\n"])
def test_a_file_that_is_no_profile_any_more_gives_first_lines(content: bytes, tmp_path: Path) -> None:
    """It may have been changed while the run went; no report fails over that."""
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    found = lines_of(path, _verdict("streams.order[events]"))
    assert found == {"streams.order[events]": 1}
    assert lines_of(tmp_path / "gone.yaml", _verdict("streams.order[events]")) == {}


def test_the_path_is_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a URI, also for a file outside of it."""
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert uri_of(Path("b/p.yaml")) == "b/p.yaml"
    assert uri_of(tmp_path / "p.yaml") == "../p.yaml"
