"""Without a profile: look for what the target shows of itself, so that the read-only checks have something to ask.

Nothing that is found becomes a promise: a run without a profile ends INCONCLUSIVE, and says which lines would decide.
"""

from collections.abc import Iterator, Sequence

from hybridcheck.cases import Json
from hybridcheck.checks.repeats import alike
from hybridcheck.evidence import Exchange
from hybridcheck.openapi.document import Description, NotADescription, read
from hybridcheck.target import Ask, EvidenceLost, ReadTarget

READINESS = ("/health/ready", "/readyz", "/ready", "/healthz", "/health", "/livez", "/-/ready", "/-/healthy", "/status")
DOCUMENTS = ("/openapi.json", "/swagger.json", "/v3/api-docs", "/api/openapi.json", "/spec.json", "/openapi.yaml")
METRICS = ("/metrics",)

MOST_OPERATIONS = 20
"""How many operations of a found document are asked for."""


async def discover(target: ReadTarget) -> dict[str, Json]:
    """The data of a profile with what was found: health, metrics, the OpenAPI document, operations that answered."""
    control = await _get(target, "control", f"/hc{target.random.getrandbits(64):016x}")
    found: dict[str, Json] = {"version": 1, "name": "discovered"}
    health = await _first(target, "health", READINESS, control)
    if health is not None:
        found["health"] = health[0]
    metrics = await _first(target, "metrics", METRICS, control)
    if metrics is not None and b"# TYPE " in _content(metrics[1]):
        found["observability"] = {"metrics": metrics[0]}
    document = await _document(target, control)
    if document is not None:
        found["openapi"] = document[0]
    found["operations"] = await _operations(target, control, document[1] if document else None)
    return found


async def _document(target: ReadTarget, control: Exchange | None) -> tuple[str, Description] | None:
    for index, path in enumerate(DOCUMENTS):
        exchange = await _get(target, f"document.{index}", path)
        if exchange is not None and _is_real(exchange, control):
            try:
                return path, read(_content(exchange))
            except NotADescription:
                continue
    return None


async def _operations(target: ReadTarget, control: Exchange | None, document: Description | None) -> list[Json]:
    """Those reading operations that just answered as documented; without a document the root, where it answers."""
    answered: list[Json] = []
    for index, (path, statuses) in enumerate(_candidates(document)):
        exchange = await _get(target, f"operation.{index}", path)
        if exchange is not None and _is_real(exchange, control) and exchange.status in statuses:
            answered.append({"id": f"GET {path}", "path": path, "expect": {"status": [exchange.status]}})
    return answered


def _candidates(document: Description | None) -> Iterator[tuple[str, Sequence[int]]]:
    if document is None:
        yield "/", (200,)
        return
    plain = [op for op in document.operations if op.method == "GET" and "{" not in op.path]
    for operation in plain[:MOST_OPERATIONS]:
        documented = [int(a.status) for a in operation.answers if a.status.isdecimal() and a.status.startswith("2")]
        yield operation.path, documented or [200]


async def _first(
    target: ReadTarget, label: str, paths: Sequence[str], control: Exchange | None
) -> tuple[str, Exchange] | None:
    for index, path in enumerate(paths):
        exchange = await _get(target, f"{label}.{index}", path)
        if exchange is not None and _is_real(exchange, control):
            return path, exchange
    return None


async def _get(target: ReadTarget, label: str, path: str) -> Exchange | None:
    """The exchange; None where it was not sent (a denied path, the budget)."""
    try:
        return await target.read(label, Ask("GET", path))
    except EvidenceLost:
        return None


def _is_real(exchange: Exchange, control: Exchange | None) -> bool:
    return exchange.status == 200 and (control is None or not alike(exchange, control))


def _content(exchange: Exchange) -> bytes:
    return exchange.response.body.content() if exchange.response else b""
