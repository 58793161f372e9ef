"""The probes for what takes time and what counts: whole, and with names and places that do not exist."""

from typing import Any

import pytest
from pydantic import ValidationError

from hybridcheck.profile.probes import Probes
from tests.unit.profile.test_probes import complaints

COMPUTE: dict[str, Any] = {"operation": "echo", "in": "$.n", "out": "$.r", "sizes": [1, 2, 3]}


def test_what_is_whole_gets_no_complaint() -> None:
    """Speed-up 1 and no long size where nothing is said."""
    assert (
        complaints({"compute": {**COMPUTE, "long": 9, "light": "echo"}, "tally": {"operation": "echo", "value": "$.n"}})
        == []
    )
    found = Probes.model_validate({"compute": COMPUTE}).compute
    assert found is not None
    assert (found.expect.speedup_min, found.long, found.light) == (1.0, None, None)


@pytest.mark.parametrize(
    ("probes", "complaint"),
    [
        ({"compute": {**COMPUTE, "light": "ekko"}}, "probes.compute.light: no operation has the id 'ekko'"),
        ({"compute": {**COMPUTE, "in": "$n"}}, "probes.compute.in: '$n' is not a path into JSON"),
        ({"tally": {"operation": "ekko", "value": "$.n"}}, "probes.tally.operation: no operation has the id 'ekko'"),
        ({"tally": {"operation": "echo", "value": "$n"}}, "probes.tally.value: '$n' is not a path into JSON"),
    ],
)
def test_names_and_places_that_do_not_exist_are_named(probes: dict[str, Any], complaint: str) -> None:
    """With their place in the profile."""
    assert complaints(probes) == [complaint]


@pytest.mark.parametrize(
    "change", [{"sizes": [1, 2]}, {"sizes": [0, 1, 2]}, {"long": 0}, {"expect": {"speedup_min": 0}}]
)
def test_sizes_and_ratios_are_positive_and_three(change: dict[str, Any]) -> None:
    """Three sizes of at least one; a ratio above zero."""
    with pytest.raises(ValidationError):
        Probes.model_validate({"compute": {**COMPUTE, **change}})
