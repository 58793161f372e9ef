"""What boundaries, hooks and the probes of what crosses them name has to exist."""

from collections.abc import Callable, Iterator

from hybridcheck.profile.contradiction import Contradiction, near
from hybridcheck.profile.document import KeyPath
from hybridcheck.profile.models import Profile


def _boundaries(profile: Profile) -> Iterator[Contradiction]:
    known = {operation.id for _, _, operation in profile.all_operations()}
    for name, boundary in profile.boundaries.items():
        place: KeyPath = ("boundaries", name)
        if boundary.callee not in profile.services:
            hint = near(boundary.callee, profile.services)
            yield Contradiction((*place, "callee"), f"no service is called '{boundary.callee}'", hint)
        for index, route in enumerate(boundary.routes):
            if route.public not in known:
                where = (*place, "routes", index, "public")
                yield Contradiction(where, f"no operation has the id '{route.public}'", near(route.public, known))


def _hooks(profile: Profile) -> Iterator[Contradiction]:
    for name, hook in profile.hooks.items():
        for index, service in enumerate(hook.breaks):
            if service not in profile.services:
                where = ("hooks", name, "breaks", index)
                yield Contradiction(where, f"no service is called '{service}'", near(service, profile.services))


def _needs(profile: Profile) -> Iterator[Contradiction]:
    for index, service in enumerate(profile.ready.needs if profile.ready is not None else ()):
        if service not in profile.services:
            hint = near(service, profile.services)
            yield Contradiction(("ready", "needs", index), f"no service is called '{service}'", hint)


def _keys(profile: Profile) -> Iterator[Contradiction]:
    probe, known = profile.probes.idempotent, {operation.id: operation for _, _, operation in profile.all_operations()}
    if probe is None:
        return
    place: KeyPath = ("probes", "idempotent", "operation")
    operation = known.get(probe.operation)
    if operation is None:
        yield Contradiction(place, f"no operation has the id '{probe.operation}'", near(probe.operation, known))
    elif not operation.cleanup:
        yield Contradiction(place, f"'{operation.id}' makes things that nothing removes", "cleanup: ID   # there")


RULES: tuple[Callable[[Profile], Iterator[Contradiction]], ...] = (_boundaries, _hooks, _needs, _keys)
