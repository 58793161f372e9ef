"""What the listeners of a load phase say about services, their streams, delays and connections."""

from collections.abc import Iterator

from hybridcheck.profile.contradiction import Contradiction, near
from hybridcheck.profile.document import KeyPath
from hybridcheck.profile.load_listeners import Listeners
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import StreamSpec

STAY_OVER_DELAY = 10
"""A listener stays so many times longer than an event may take: what is under way when it leaves is seen by nobody."""


def heard_stream(profile: Profile, listeners: Listeners) -> StreamSpec | None:
    """The declared stream that they listen to; None where there is none."""
    service = profile.services.get(listeners.service)
    if service is None:
        return None
    return service.sse if listeners.stream == "sse" else service.websocket


def listener_contradictions(
    profile: Profile, listeners: tuple[Listeners, ...], place: KeyPath
) -> Iterator[Contradiction]:
    """Streams that are not declared or declared twice, and more listeners than connections."""
    seen = set[str]()
    for index, one in enumerate(listeners):
        where = (*place, index)
        if one.service not in profile.services:
            yield Contradiction((*where, "service"), f"no service '{one.service}'", near(one.service, profile.services))
            continue
        if one.name in seen:
            yield Contradiction(where, f"{one.name} has listeners already", "one line per stream, with all its users")
        seen.add(one.name)
        yield from _stream(one, heard_stream(profile, one), where)
    together, most = sum(one.users for one in listeners), profile.limits.max_connections
    if together >= most:
        message = f"{together} listeners leave no connection for anything else, limits.max_connections is {most}"
        yield Contradiction(place, message, f"limits: {{max_connections: {together + 10}}}, or fewer users")


def _stream(one: Listeners, spec: StreamSpec | None, where: KeyPath) -> Iterator[Contradiction]:
    if spec is None:
        hint = f"services: {{{one.service}: {{{one.stream}: {{path: /stream, sequence: $.sequence, sent_at: $.sent_at}}}}}}"
        yield Contradiction((*where, "stream"), f"the service '{one.service}' declares no {one.stream}", hint)
    elif spec.max_delay_ms is not None and one.stay_s * 1000 < STAY_OVER_DELAY * spec.max_delay_ms:
        message = f"whoever stays {one.stay_s:g} s cannot see most events that are later than {spec.max_delay_ms:g} ms"
        least = STAY_OVER_DELAY * spec.max_delay_ms / 1000
        yield Contradiction((*where, "stay_s"), message, f"stay_s: {least:g}   # ten times max_delay_ms, or more")
