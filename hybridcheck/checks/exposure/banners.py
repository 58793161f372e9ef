"""Do headers tell which version of which product answers."""

import re

from hybridcheck.cases import Dimension, Severity
from hybridcheck.checks.witnesses import NoWitness
from hybridcheck.evidence import Exchange

BANNERS = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")
VERSION = re.compile(r"(?:^|[/\s(v])\d+\.\d+")


class NoVersionBanner(NoWitness):
    """No header tells the version of the software that answers.

    Looks at `Server`, `X-Powered-By` and their kin in every answer for a number such as 1.2; a bare product name is
    fine.
    """

    id = "exposure.no-version-banner"
    dimension = Dimension.SECURITY
    severity = Severity.LOW
    remedy = "Switch the banner off in the server (`server_tokens off`, `ServerTokens Prod`, `--no-server-header`)."
    refs = ("CWE-200", "ASVS V13.4.6")
    expected = "no product version in a header"

    def complaint(self, exchange: Exchange) -> str | None:
        """The header that tells."""
        headers = exchange.response.headers if exchange.response is not None else ()
        for name, value in headers:
            if name.lower() in BANNERS and VERSION.search(value):
                return f"{name}: {value[:100]}"
        return None
