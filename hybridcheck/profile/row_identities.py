"""Users of load phases who log in with rows of a file: an identity of their own for each row, beside the declared ones."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from hybridcheck.profile.feeders import Row, numbered_rows
from hybridcheck.profile.load_phases import connections
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Identity, Profile


def row_identities(profile: Profile) -> dict[str, Identity]:
    """Name → identity of every row that a user of any phase may log in with.

    Raises:
        FeederError: a file cannot be read.
    """
    found: dict[str, Identity] = {}
    for phase, spec in profile.load.items():
        for name, row in own_rows(phase, spec):
            found[name] = _identity(spec, row)
    return found


def own_rows(phase: str, spec: LoadPhaseSpec) -> Iterator[tuple[str, Row]]:
    """The row of each user who logs in with one, under the name of its identity: `PHASE:FEEDER:LINE`.

    No declared identity has such a name. Users beyond the rows share them in turn.

    Raises:
        FeederError: the file cannot be read.
    """
    wanted = spec.logs_in_with
    if wanted is not None:
        rows = numbered_rows(Path(spec.feeders[wanted.feeder].file))
        for line, row in rows[: connections(spec)]:
            yield f"{phase}:{wanted.feeder}:{line}", row


def _identity(spec: LoadPhaseSpec, row: Row) -> Identity:
    wanted = spec.logs_in_with
    assert wanted is not None
    return Identity(username=str(row[wanted.username]), password=SecretStr(str(row[wanted.password])))
