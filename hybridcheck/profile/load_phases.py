"""What a declared load phase sends, and how many requests it needs: the one answer for reading, checks and plan."""

from collections.abc import Mapping

from hybridcheck.profile.models import LoadPhaseSpec, Profile
from hybridcheck.profile.operations import Operation


def callable_in_load(operation: Operation) -> bool:
    """Whether the operation can be sent as declared: its path is filled in, and who calls it is known."""
    return operation.sendable and (operation.auth != "required" or operation.identity is not None)


def weights(profile: Profile, phase: LoadPhaseSpec) -> Mapping[str, float]:
    """Operation id → weight. A phase that names none sends every reading operation that can be sent, equally often."""
    if phase.operations:
        return phase.operations
    return {op.id: 1.0 for _, _, op in profile.all_operations() if op.reads and callable_in_load(op)}


def peak_rps(phase: LoadPhaseSpec) -> float | None:
    """The highest arrival rate of the phase; None in the closed model, where the target sets the pace."""
    if phase.model == "closed" or phase.rate_rps is None:
        return None
    return max(phase.rate_rps, phase.from_rps) if phase.shape == "ramp" else phase.rate_rps


def planned_requests(phase: LoadPhaseSpec) -> float | None:
    """How many arrivals the phase plans; None in the closed model."""
    if phase.model == "closed" or phase.rate_rps is None:
        return None
    mean_rps = (phase.from_rps + phase.rate_rps) / 2 if phase.shape == "ramp" else phase.rate_rps
    return mean_rps * phase.duration_s


def with_load_operations(profile: Profile) -> Profile:
    """The profile with the operations of each load phase written out, so that everybody reads the same."""
    phases = {
        name: phase.model_copy(update={"operations": dict(weights(profile, phase))})
        for name, phase in profile.load.items()
    }
    return profile.model_copy(update={"load": phases}) if phases else profile
