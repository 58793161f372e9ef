"""Response headers that every answer of a kind has to have: nosniff, HSTS."""

import re
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Severity, Unmet
from hybridcheck.checks.check import Scene
from hybridcheck.checks.witnesses import NoWitness
from hybridcheck.evidence import Exchange

HSTS_S = 15_768_000
"""Half a year: what the HTTP Observatory asks for at least."""

MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d+)", re.IGNORECASE)


class NoSniff(NoWitness):
    """Answers with content forbid browsers to guess their type.

    Looks at every 2xx answer to a declared operation that has a body; one without `X-Content-Type-Options: nosniff`
    is a witness.
    """

    id = "headers.nosniff"
    dimension = Dimension.SECURITY
    severity = Severity.LOW
    remedy = "Send `X-Content-Type-Options: nosniff` with every answer."
    refs = ("CWE-693", "ASVS V3.4.4")
    expected = "X-Content-Type-Options: nosniff with every content"

    def considered(self, exchange: Exchange) -> bool:
        """Good answers of declared operations that have content."""
        response = exchange.response
        good = response is not None and response.status in range(200, 300) and response.body.size_bytes > 0
        return good and exchange.operation is not None

    def complaint(self, exchange: Exchange) -> str | None:
        """That the header is missing, or says something else."""
        return sniffed(exchange)


class StrictTransport(NoWitness):
    """Over https every answer tells browsers to stay on https.

    Looks at every answer over https for `Strict-Transport-Security` with a `max-age` of at least half a year. Over
    plain http there is no case: the header means nothing there.
    """

    id = "headers.hsts"
    dimension = Dimension.SECURITY
    severity = Severity.MEDIUM
    remedy = "Send `Strict-Transport-Security: max-age=31536000; includeSubDomains` at the edge that ends TLS."
    refs = ("RFC 6797", "CWE-319", "ASVS V3.4.1")
    expected = f"Strict-Transport-Security with max-age of at least {HSTS_S} s over https"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case where the target is https."""
        if scene.base_url.startswith("https://"):
            yield from super().cases(scene)

    def considered(self, exchange: Exchange) -> bool:
        """Answers over https that are no server error."""
        response = exchange.response
        return response is not None and response.status < 500 and exchange.request.url.startswith("https://")

    def complaint(self, exchange: Exchange) -> str | None:
        """That the header is missing, or too short."""
        value = exchange.response.header("strict-transport-security") if exchange.response is not None else None
        match = MAX_AGE.search(value or "")
        if match is None:
            return "no Strict-Transport-Security"
        return None if int(match[1][:18]) >= HSTS_S else f"Strict-Transport-Security with max-age {match[1][:18]}"


def sniffed(exchange: Exchange) -> str | None:
    """That an answer lets browsers guess its type, in words; None where it forbids it."""
    value = exchange.response.header("x-content-type-options") if exchange.response is not None else None
    return None if (value or "").strip().lower() == "nosniff" else f"X-Content-Type-Options is {value or 'missing'}"
