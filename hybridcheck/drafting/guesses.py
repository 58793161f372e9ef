"""What the names in a document suggest: the kind of a service, health routes, what must not be asked. Each is a guess."""

import re
from collections.abc import Iterable, Mapping

from hybridcheck.openapi.requests import Offered
from hybridcheck.profile.models import Kind

KINDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.AUTH: ("auth", "login", "session", "token", "account", "user"),
    Kind.DASHBOARD: ("dashboard", "widget", "panel", "chart"),
    Kind.STREAMING: ("stream", "event", "feed", "sse", "websocket", "notification"),
    Kind.AI_DETECTION: ("detect", "anomal", "predict", "infer", "classif", "model"),
    Kind.ANALYTICS: ("analy", "statistic", "aggregat", "report", "insight"),
    Kind.MONITORING: ("monitor", "metric", "health", "status", "alert", "telemetry"),
}
"""Kinds of requirement 004 by words that their tags and paths hold; anything else is `api`."""

READY_NAMES = ("ready", "readyz", "readiness")
HEALTH_NAMES = ("health", "healthz", "live", "livez", "liveness", "healthy", "ping", "heartbeat", "alive", "status")

DANGEROUS = re.compile(
    r"(?:^|[/_.-])(?:log-?out|sign-?out|delete|remove|purge|reset|shutdown|restart|reboot|kill|crash|exit|abort|drop|wipe"
    r"|createdb|destroy|terminate|stop|cancel|unsubscribe|revoke)",
    re.IGNORECASE,
)
"""Names of reading operations that nobody should try out: GET does not stop some of them from doing what they say."""


def kind_of(tag: str, operations: Iterable[Offered]) -> Kind:
    """The kind that the tag suggests, else that which most of its paths do."""
    for text in (tag, " ".join(operation.described.path for operation in operations)):
        words = text.lower()
        found = {kind: sum(words.count(word) for word in names) for kind, names in KINDS.items()}
        best = max(found, key=lambda kind: found[kind])
        if found[best]:
            return best
    return Kind.API


def last_part(path: str) -> str:
    """The last segment of a path, in lower case."""
    return path.rstrip("/").rpartition("/")[2].lower()


def health_routes(operations: Iterable[Offered]) -> tuple[str | None, str | None]:
    """Documented routes of readiness and of health: GET, open to all, without parameters that are needed."""
    plain = [o for o in operations if is_plain_get(o) and not o.needs]
    ready = next((o.described.path for o in plain if last_part(o.described.path) in READY_NAMES), None)
    for name in HEALTH_NAMES:
        for operation in plain:
            if last_part(operation.described.path) == name:
                return ready, operation.described.path
    return ready, None


def is_plain_get(operation: Offered) -> bool:
    """Whether it can be asked as it stands: a GET without anything to fill in, under a harmless name."""
    fixed = "{" not in operation.described.path and not any(part.required for part in operation.parameters)
    return operation.described.method == "GET" and fixed and not is_dangerous(operation)


def is_dangerous(operation: Offered) -> bool:
    """Whether its name says that it ends, removes or breaks something."""
    return DANGEROUS.search(operation.described.path) is not None


def media_types(operation: Offered) -> tuple[str, ...]:
    """The media types of its good answers."""
    good = (answer for answer in operation.described.answers if answer.status.startswith("2"))
    return tuple(dict.fromkeys(name for answer in good for name in answer.media_types))


def good_statuses(operation: Offered) -> tuple[int, ...]:
    """The documented statuses below 400, those of success first and alone where there are any."""
    listed = [int(a.status) for a in operation.described.answers if a.status.isdecimal() and int(a.status) < 400]
    return tuple(status for status in listed if 200 <= status < 300) or tuple(s for s in listed if s >= 300)
