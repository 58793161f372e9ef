"""The self-scan: which files that a run has left hold a secret that it knows."""

from collections.abc import Iterator
from pathlib import Path

from hybridcheck.cases import Reason
from hybridcheck.evidence import RunFault
from hybridcheck.redact import Redactor


def secrets_in(folder: Path, redactor: Redactor) -> Iterator[RunFault]:
    """A known secret in an artefact is a fault of ours, and so is an artefact that nobody can look into."""
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        try:
            leaked = redactor.hits(path.read_bytes())
        except OSError as error:
            detail = f"{path.name} could not be searched for secrets: {error.strerror}"
            yield RunFault(reason=Reason.TOOL_ERROR, detail=detail)
        else:
            if leaked:
                yield RunFault(reason=Reason.SECRET_IN_ARTEFACT, detail=f"a known secret is in {path.name}")
