"""What is wrong with a run's load and can be known before the first byte: a plan that its generators cannot share."""

from collections.abc import Callable, Iterable
from typing import Protocol

from hybridcheck.errors import UsageError
from hybridcheck.load.credentials import senders
from hybridcheck.load.phase import Site, holds_secrets, plan_of
from hybridcheck.load.plan import LoadPlan
from hybridcheck.profile.drives import Drive
from hybridcheck.profile.reading import Loaded


class Refuse(Protocol):
    """Refuses a plan that certain generators cannot carry out; `secrets`: whether credentials go with it."""

    def __call__(self, plan: LoadPlan, *, secrets: bool) -> None:
        """Raises UsageError where that is so."""


def refuse_no_load(loaded: Loaded) -> None:
    """Refuse a profile that neither has a load phase nor is given one by the options, where load is all that was asked for.

    Raises:
        UsageError: there is nothing to drive.
    """
    if not loaded.profile.load:
        hint = "declare one under load:, or say one: --shape ramp --rate 50 --duration 60"
        raise UsageError("the profile has no load phase", where=str(loaded.path or ""), hint=hint)


def refuse_drives(drives: Iterable[Drive], site: Site, has_secret: Callable[[bytes], bool], refuse: Refuse) -> None:
    """Let `refuse` see every plan of a run, without the credentials that nobody has yet.

    Raises:
        UsageError: it refused one; `where` names the phase.
    """
    for drive in drives:
        plan = plan_of(drive, site, {})
        plan = plan.model_copy(update={"holds_secrets": holds_secrets(plan, has_secret)})
        try:
            refuse(plan, secrets=bool(senders(drive)))
        except UsageError as error:
            where = f"{error.where}, load phase {drive.stream.removeprefix('load/')}"
            raise UsageError(error.message, where=where, hint=error.hint) from error
