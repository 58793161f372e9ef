"""Reading a profile: file → plain data → references resolved → models → cross-references, all errors at once."""

import copy
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import ValidationError

from hybridcheck.cases import Json
from hybridcheck.errors import Complaint, ProfileError
from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.document import Document, KeyPath, Refused, read_bytes, read_document
from hybridcheck.profile.environment import Overrides, apply, read_overrides
from hybridcheck.profile.feeders import FeederError, numbered_rows
from hybridcheck.profile.load_phases import with_load_operations
from hybridcheck.profile.models import Profile
from hybridcheck.profile.references import Resolved, resolve
from hybridcheck.profile.scenario_consistency import feeder_faults
from hybridcheck.profile.wording import complain_of, in_file
from hybridcheck.profile.workflow_rules import workflow_contradictions


@dataclass(frozen=True, slots=True)
class Loaded:
    """A profile as it was read.

    `profile` has the environment's thresholds applied and the operations of each load phase written out. `path` is None for a run without a profile. `digest` is the
    SHA-256 of the file's bytes in hex. `lines` gives the line of each key path. `secrets` are the values that the
    redactor has to learn; they never show in `repr`.
    """

    profile: Profile
    path: Path | None
    digest: str
    lines: Mapping[KeyPath, int]
    overrides: Overrides
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def place(self, path: KeyPath) -> str:
        """`file:line key.path`, as in complaints, for errors that are found later."""
        return Document(self.path.name if self.path else "no profile", lines=dict(self.lines)).place(path)


def read_profile(path: Path, environment: Mapping[str, str], *, today: date | None = None) -> Loaded:
    """Read a profile with its references and the environment's overrides; `today` (UTC) is what waivers are held to.

    Raises:
        ProfileError: with every complaint that could be found, each with file and line.
    """
    try:
        data = read_bytes(path)
    except Refused as refused:
        raise ProfileError((Complaint(str(path), refused.message, refused.hint),)) from refused
    return read_text(data, path, environment, today=today)


def read_text(data: bytes, path: Path, environment: Mapping[str, str], *, today: date | None = None) -> Loaded:
    """Read the bytes of a profile as if they stood in the file `path`; see `read_profile`."""
    document = read_document(data, path.name)
    overrides, wrong_variables = read_overrides(environment)
    document.complaints.extend(wrong_variables)
    profile, resolved = _checked(document, path.parent, environment, overrides, today or datetime.now(UTC).date())
    if profile is None or document.complaints:
        raise ProfileError(_in_order(document.complaints))
    profile = with_load_operations(profile)
    digest = hashlib.sha256(data).hexdigest()
    secrets = tuple(sorted({secret for secret in resolved.secrets if secret}))
    return Loaded(profile, path, digest, document.lines, overrides, secrets)


def without_profile(environment: Mapping[str, str]) -> Loaded:
    """What a run without a profile starts from: nothing is promised, the environment's limits hold.

    Raises:
        ProfileError: for variables with wrong values.
    """
    overrides, complaints = read_overrides(environment)
    if complaints:
        raise ProfileError(complaints)
    profile = apply(Profile(version=1), overrides)
    return Loaded(profile, None, hashlib.sha256(b"").hexdigest(), {}, overrides)


def _checked(
    document: Document, folder: Path, environment: Mapping[str, str], overrides: Overrides, today: date
) -> tuple[Profile | None, Resolved]:
    if not isinstance(document.value, dict):
        if not document.complaints:
            empty = document.value is None
            message = "is empty" if empty else "is not a profile: it has no `key: value` lines"
            document.complain((), message, "start with `version: 1`")
        return None, Resolved(None)
    resolved = resolve(document, folder, environment)
    profile, pruned = _modelled(resolved, document)
    if profile is None:
        return None, resolved
    profile = _with_ca_files(apply(profile, overrides), folder, document)
    profile = _with_feeders(profile, folder, document)
    for found in (*contradictions(profile, today), *workflow_contradictions(profile)):
        if not any(found.path[: len(key) - 1] == key[:-1] and len(key) > 1 for key in pruned):
            document.complain(_as_written(found.path, document), found.message, found.hint)
    return profile, resolved


def _modelled(resolved: Resolved, document: Document) -> tuple[Profile | None, tuple[KeyPath, ...]]:
    """The profile, and the unknown keys that were left out to get one; None where more is wrong than unknown keys."""
    pruned: tuple[KeyPath, ...] = ()
    value = resolved.value
    for _ in range(2):
        try:
            return Profile.model_validate(value), pruned
        except ValidationError as wrong:
            errors = wrong.errors(include_url=False)
            complain_of(document, errors, resolved.hidden, resolved.unresolved)
            found, rest = zip(*(in_file(document.value, error["loc"]) for error in errors), strict=True)
            if any(rest) or any(error["type"] != "extra_forbidden" for error in errors):
                return None, ()
            pruned = found
            value = _without(value, pruned)
    return None, ()


def _with_ca_files(profile: Profile, folder: Path, document: Document) -> Profile:
    """The profile with the CA files of its targets found beside it, whatever the working folder is."""
    targets = dict(profile.targets)
    for name, target in profile.targets.items():
        if target.tls.ca_file is not None:
            ca_file = folder / target.tls.ca_file
            if not ca_file.is_file():
                path = ("targets", name, "tls", "ca_file")
                document.complain(path, f"the file {ca_file} does not exist", "the path is relative to the profile")
            tls = target.tls.model_copy(update={"ca_file": str(ca_file)})
            targets[name] = target.model_copy(update={"tls": tls})
    return profile.model_copy(update={"targets": targets})


def _with_feeders(profile: Profile, folder: Path, document: Document) -> Profile:
    """The profile with the files of data that its load phases use found beside it; what is wrong in them is complained of."""
    phases = dict(profile.load)
    for name, phase in profile.load.items():
        found = dict(phase.feeders)
        for feeder_name, feeder in phase.feeders.items():
            place = _as_written(("load", name, "feeders", feeder_name), document)
            file = folder / feeder.file
            found[feeder_name] = feeder.read(str(file), None)
            try:
                rows = numbered_rows(file)
            except FeederError as wrong:
                document.complain(place, f"{feeder.file}: {wrong}", wrong.hint)
                continue
            found[feeder_name] = feeder.read(str(file), len(rows))
            for message, hint in feeder_faults(phase, feeder_name, rows):
                document.complain(place, message, hint)
        phases[name] = phase.model_copy(update={"feeders": found})
    return profile.model_copy(update={"load": phases})


def _as_written(path: KeyPath, document: Document) -> KeyPath:
    """The path in the file of a load that is written as one phase: without the phase's name, which only models know."""
    one_phase = path[:1] == ("load",) and len(path) > 1 and path[:2] not in document.lines
    return ("load", *path[2:]) if one_phase else path


def _without(value: Json, unknown: Iterable[KeyPath]) -> Json:
    """The data without its unknown keys, so that what it means otherwise can be looked at in the same go."""
    kept = copy.deepcopy(value)
    for path in unknown:
        part = kept
        for step in path[:-1]:
            part = part[step]
        del part[path[-1]]
    return kept


def _in_order(complaints: Iterable[Complaint]) -> tuple[Complaint, ...]:
    """By line, each once; what has no line comes first."""

    def line_of(complaint: Complaint) -> int:
        line = complaint.where.partition(" ")[0].rpartition(":")[2]
        return int(line) if line.isdigit() else 0

    return tuple(sorted(dict.fromkeys(complaints), key=line_of))
