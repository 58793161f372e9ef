"""Is the way to the target encrypted, with a certificate that is valid for long enough."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from hybridcheck.cases import Case, CoreQuestion, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import operations
from hybridcheck.checks.repeats import PAUSE_S, describe
from hybridcheck.evidence import Evidence, Exchange, Failure, TlsRecord
from hybridcheck.profile.models import Tls
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

DAY_S = 86_400
ROUNDS = 2

INVALID = {
    Failure.TLS_UNTRUSTED: "the certificate's issuer is not trusted",
    Failure.TLS_HOSTNAME: "the certificate is for another host",
    Failure.TLS_EXPIRED: "the certificate has expired or is not valid yet",
}


CLOSED = frozenset({Failure.REFUSED, Failure.RESET, Failure.CLOSED_EARLY})
"""How a port looks that serves nobody over plain http; a timeout or a name that is not found says nothing."""


class TlsValid(ReadCheck):
    """The target is reached over TLS with a valid certificate.

    Over https: makes a verified handshake (chain, host name, time) and looks how many days the certificate still has
    (`targets.NAME.tls.min_days`). Over plain http to another host than this one: asks the first declared read (else
    `/`) as nobody and fails where it is answered with anything but a redirect to https. Plain http on loopback has no
    case. What fails is tried twice.
    """

    id = "exposure.tls-valid"
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    core = CoreQuestion.EXPOSURE
    suite = "api"
    remedy = "Renew or correct the certificate; serve the API over https only, or declare the CA in tls.ca_file."
    refs = ("CWE-295", "CWE-319", "CWE-298", "ASVS V12.2")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the target, unless it is plain http on loopback."""
        parts = urlsplit(scene.base_url)
        if parts.scheme == "http" and is_loopback(parts.hostname or ""):
            return
        found = (t.tls for t in scene.profile.targets.values() if t.url.rstrip("/") == scene.base_url.rstrip("/"))
        tls = next(found, Tls())
        path = next((operation.url_path() for _, operation in operations(scene) if operation.method == "GET"), "/")
        params: dict[str, Json] = {"scheme": parts.scheme, "min_days": tls.min_days, "path": path}
        yield Case(check=self.id, subject="target", params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """The handshake, or the plain request; twice where it is not as it should be."""
        for number in range(1, ROUNDS + 1):
            if case.params["scheme"] == "https":
                bad = _tls_complaint(await target.handshake(f"handshake.{number}"), case) is not None
            else:
                ask = Ask("GET", str(case.params["path"]), fresh=True)
                bad = _plain_complaint(await target.read(f"plain.{number}", ask)) is not None
            if not bad:
                return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on two complaints."""
        if case.params["scheme"] == "https":
            expected = f"a valid certificate, for {case.params['min_days']} days at least"
            records = evidence.all(TlsRecord, "handshake")
            complaints = [_tls_complaint(record, case) for record in records]
            numbers = tuple(record.n for record in records)
            other = next((r for r in records if r.failure is not None and r.failure not in INVALID), None)
            seen = f"{records[0].version}, {_days_left(records[0]):.0f} days left" if records and not other else ""
            unclear = f"no handshake: {other.failure} {other.failure_detail}" if other else ""
        else:
            expected = "plain http is not answered, or redirected to https"
            exchanges = evidence.exchanges("plain")
            complaints = [_plain_complaint(exchange) for exchange in exchanges]
            numbers = tuple(exchange.n for exchange in exchanges)
            seen = describe(exchanges[0]) if exchanges else ""
            unclear = seen if any(e.failure is not None and e.failure not in CLOSED for e in exchanges) else ""
        return _decided(complaints, expected, seen, unclear, {"exchanges": numbers, "n": len(complaints)})


def _decided(
    complaints: list[str | None], expected: str, seen: str, unclear: str, details: dict[str, object]
) -> Finding:
    if not complaints:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "nothing was recorded")
    if unclear:
        return undecided(Reason.SUSPECTED, expected, unclear, **details)
    if complaints[0] is None:
        return passed(expected, seen, **details)
    if len(complaints) < ROUNDS or complaints[1] is None:
        return undecided(Reason.FLAKY, expected, f"once: {complaints[0]}", **details)
    return failed(expected, complaints[1], **details)


def _days_left(record: TlsRecord) -> float:
    return ((record.not_after_unix_s or 0.0) - (record.checked_unix_s or 0.0)) / DAY_S


def _tls_complaint(record: TlsRecord, case: Case) -> str | None:
    """What is wrong with a handshake; None where nothing is."""
    if record.failure is not None:
        return INVALID.get(record.failure, f"no handshake: {record.failure}") + f" ({record.failure_detail[:200]})"
    if record.not_after_unix_s is None or record.checked_unix_s is None:
        return "the handshake does not tell how long the certificate is valid"
    days = _days_left(record)
    minimum = int(case.params["min_days"])
    return f"the certificate has {days:.1f} days left, fewer than {minimum}" if days < minimum else None


def _plain_complaint(exchange: Exchange) -> str | None:
    """That plain http was answered; None where it was not, or led to https."""
    if exchange.status is None or exchange.response is None:
        return None
    location = exchange.response.header("location") or ""
    if exchange.status in range(300, 400) and location.lower().startswith("https://"):
        return None
    return f"answered over plain http: {describe(exchange)}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
