"""What the end of a worker's process means to whoever started `hybridcheck load --worker`."""

import pytest

from hybridcheck.cli import generating
from hybridcheck.cli.generators import Generators, refuse_what_the_master_says
from hybridcheck.errors import ExitCode, HybridcheckError, ToolError, UsageError


def be_worker(monkeypatch: pytest.MonkeyPatch, code: int) -> ExitCode:
    """A worker whose process ends with that code; negative is a signal."""

    async def work(*_: object) -> int:
        return code

    monkeypatch.setattr(generating, "work", work)
    return generating.be_worker(Generators(worker=True), None)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (ExitCode.UNREACHABLE, UsageError, "no master answered"),
        (-9, ToolError, "was ended by signal 9"),
        (1, ToolError, "ended with 1"),
    ],
)
def test_who_did_not_find_a_master_and_who_died_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, code: int, kind: type[HybridcheckError], words: str
) -> None:
    """One that was killed had a master."""
    with pytest.raises(kind, match=words):
        be_worker(monkeypatch, code)


def test_a_worker_that_refused_its_plan_is_not_green(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has said why; the number says that it did nothing."""
    assert be_worker(monkeypatch, ExitCode.USAGE) is ExitCode.USAGE
    assert be_worker(monkeypatch, ExitCode.READY) is ExitCode.READY


def test_a_worker_has_no_demo() -> None:
    """What is sent comes from the master."""
    with pytest.raises(UsageError, match="nothing with --worker"):
        refuse_what_the_master_says(demo=True)
