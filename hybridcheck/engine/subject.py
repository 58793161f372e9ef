"""What the run says about its target: the build before and after, and the runtimes that services say they run on.

The gate records the build as observations `before` and `after` in the stream `build`, with the value `build`. Checks
record what a service says about itself as observations `runtime` with the values `service` and `runtime`.
"""

from collections.abc import Iterator

from pydantic import ValidationError

from hybridcheck.cases import Json
from hybridcheck.engine.streams import Streams
from hybridcheck.evidence import Observation, RunStart
from hybridcheck.profile.models import Profile
from hybridcheck.verdict import BuildIdentity, Service, Subject

BUILD_STREAM = "build"
BEFORE, AFTER = "before", "after"
RUNTIME = "runtime"


def subject_of(start: RunStart, streams: Streams) -> Subject:
    """The target of the run."""
    return Subject(
        target=start.target,
        base_url=start.base_url,
        environment=start.environment,
        build=build_identity(streams),
        services=tuple(_services(start.profile, streams)),
    )


def profile_of(start: RunStart) -> Profile | None:
    """The profile of the run; None where a mask stands where the profile's grammar wants something else."""
    try:
        return Profile.model_validate(start.profile)
    except ValidationError:
        return None


def build_identity(streams: Streams) -> BuildIdentity:
    """What the target said that it is; None on a side where it did not say, or the record is missing."""
    said = {
        record.label: str(record.values["build"])
        for record in streams.sealed_records(BUILD_STREAM)
        if isinstance(record, Observation) and record.values.get("build") is not None
    }
    return BuildIdentity(before=said.get(BEFORE), after=said.get(AFTER))


def changed(build: BuildIdentity) -> str | None:
    """What is wrong where the build after the run is not known to be the one before it; None where all is well."""
    if build.before == build.after:
        return None
    if build.before is None or build.after is None:
        return "the build of the target is known only on one side of the run"
    return f"the target was {build.before} before the run and {build.after} after it"


def _services(profile: dict[str, Json], streams: Streams) -> Iterator[Service]:
    reported = {
        str(record.values["service"]): str(record.values["runtime"])
        for record in streams.records
        if isinstance(record, Observation)
        and record.label.split(".")[0] == RUNTIME
        and {"service", "runtime"} <= record.values.keys()
    }
    for name, service in sorted((profile.get("services") or {}).items()):
        declared = str((service or {}).get("runtime") or "other")
        yield Service(name=name, declared_runtime=declared, reported_runtime=reported.get(name))
