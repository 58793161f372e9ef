"""`hybridcheck load` where there is nothing to drive."""

from pathlib import Path

import pytest

from hybridcheck.cli.generating import refuse_no_load
from hybridcheck.cli.options import Load, Run
from hybridcheck.cli.running import Chosen, request_of
from hybridcheck.errors import UsageError

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
    asked = Run(profile=profile)
    with pytest.raises(UsageError, match="no load phase"):
        refuse_no_load(request_of(asked, Chosen(load=Load())))
    refuse_no_load(request_of(asked, Chosen(load=Load(rate=50, duration=10))))
    refuse_no_load(request_of(Run(), Chosen(load=Load(), demo=True)))
