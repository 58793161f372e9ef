"""A service that is not there gives no wrong values: what a broken answer says, and what it takes to blame the question.

An answer that is missing, or a 5xx, may be the question's fault or that of an outage. After each one the service is
asked something that it can answer. Only where it answers that each time is the question to blame.
"""

from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import Ask, ReadTarget

AFTERWARDS = "afterwards"
UNAVAILABLE = 503


def is_broken(exchange: Exchange) -> bool:
    """Whether an answer is missing, or says that the server failed."""
    return exchange.status is None or exchange.status >= 500


def is_silent(exchange: Exchange) -> bool:
    """Whether an answer is missing, or says that the service cannot answer for the moment (503, RFC 9110 15.6.4).

    That is no answer to the question, even where something was answered afterwards: that may have waited for the service.
    """
    return exchange.status is None or exchange.status == UNAVAILABLE


async def look_afterwards(target: ReadTarget, label: str, exchange: Exchange, ask: Ask) -> None:
    """Where the exchange is broken, ask what the service can answer, under `afterwards.` and the label."""
    if is_broken(exchange):
        await target.read(f"{AFTERWARDS}.{label}", ask)


def was_there(evidence: Evidence, *exchanges: Exchange) -> bool:
    """Whether the service answered right after each of these exchanges that is broken."""
    return all(_answered(evidence, exchange.label) for exchange in exchanges if is_broken(exchange))


def _answered(evidence: Evidence, label: str) -> bool:
    return any(
        exchange.label == f"{AFTERWARDS}.{label}" and exchange.status is not None and 200 <= exchange.status < 300
        for exchange in evidence.exchanges(AFTERWARDS)
    )
