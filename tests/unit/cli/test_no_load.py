"""`hybridcheck load` where there is nothing to drive."""

from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cli.generating import refusal_of
from hybridcheck.cli.generators import Generators
from hybridcheck.cli.options import Load, Run
from hybridcheck.cli.running import Chosen, request_of
from hybridcheck.errors import UsageError
from hybridcheck.load.foreseen import refuse_no_load

PROFILE = """
version: 1
targets: {local: {url: "http://127.0.0.1:9", environment: local}}
operations: [GET /books]
thresholds: {max_error_ratio: 0.01}
"""


def test_a_profile_without_load_is_a_mistake_of_the_question(tmp_path: Path) -> None:
    """Nothing is driven, so nothing could be decided: refused, with what to say; a load of the options is one."""
    profile = tmp_path / "hybridcheck.yaml"
    profile.write_text(PROFILE)

    def look(load: Load) -> None:
        refuse_no_load(gate.bind(request_of(Run(profile=profile), Chosen(load=load))).loaded)

    look(Load(rate=50, duration=10))
    with pytest.raises(UsageError, match="no load phase") as refused:
        look(Load())
    assert refused.value.where == str(profile)
    assert refused.value.hint


async def test_a_load_of_nothing_ends_before_the_first_byte(tmp_path: Path) -> None:
    """The gate asks before it makes a folder; a run that is about more than load needs none."""
    profile = tmp_path / "hybridcheck.yaml"
    profile.write_text(PROFILE)
    request = gate.Request(profile_path=profile, output_dir=tmp_path / "results", signals=False)
    with pytest.raises(UsageError, match="no load phase"):
        await gate.run(request, refuse=refusal_of(Generators()))
    assert not (tmp_path / "results").exists()
