"""The catalogue of planted defects: named switches, all off by default, each with the check that has to find it."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Defect:
    """One row: what is wrong with the switch on, the check that is meant to see it, and where the code is."""

    name: str
    wrong: str
    check: str
    where: str


CATALOGUE: tuple[Defect, ...] = (
    # health
    Defect("never-ready", "readiness answers 503 for ever", "health.ready", "gateway/operations.py"),
    Defect(
        "readiness-lies",
        "readiness answers 200 while every dataset request is refused with 503",
        "health.readiness-true",
        "gateway/operations.py, gateway/datasets.py",
    ),
    # contract
    Defect(
        "wrong-schema",
        "GET /api/datasets answers `total` as text, against its schema",
        "contract.answers-as-declared",
        "gateway/datasets.py",
    ),
    Defect(
        "server-error",
        "a valid GET /dashboards/{id} answers 500",
        "contract.answers-as-declared",
        "gateway/dashboards.py",
    ),
    Defect(
        "wrong-status",
        "GET /dashboards answers 202 where 200 is declared",
        "contract.answers-as-declared",
        "gateway/dashboards.py",
    ),
    Defect(
        "wrong-content-type",
        "GET /dashboards labels its JSON as text/html",
        "contract.answers-as-declared",
        "gateway/dashboards.py",
    ),
    Defect(
        "openapi-mismatch",
        "`revision` of a dataset is text, the OpenAPI document says integer",
        "contract.writes-match-openapi",
        "gateway/datasets.py",
    ),
    Defect(
        "malformed-json-500",
        "a malformed JSON body gets 500 instead of 400",
        "contract.malformed-json-refused",
        "web.py",
    ),
    Defect(
        "wrong-method-200",
        "a method that a path does not have is answered like GET instead of 405",
        "contract.unknown-method-refused",
        "dispatch.py",
    ),
    Defect(
        "wrong-media-type-accepted",
        "a JSON body labelled text/plain is taken instead of refused with 415",
        "contract.wrong-media-type-refused",
        "web.py",
    ),
    Defect(
        "error-format-html", "errors are HTML pages instead of problem+json", "contract.error-format", "dispatch.py"
    ),
    Defect(
        "upload-limit-missing",
        "a body over the declared limit is read instead of refused with 413",
        "contract.body-limit",
        "web.py",
    ),
    Defect(
        "write-not-stored",
        "PUT of a dataset answers the new content and stores nothing",
        "contract.writes-answer-as-declared",
        "gateway/datasets.py",
    ),
    Defect("nan-in-health", "/health answers the bare token NaN", "contract.no-nan", "gateway/operations.py"),
    Defect("invalid-utf8", "/health answers a byte that is no UTF-8", "contract.valid-utf8", "gateway/operations.py"),
    Defect(
        "mislabelled-json",
        "/health labels its JSON as text/html",
        "contract.content-type-true",
        "gateway/operations.py",
    ),
    Defect("graphql-wrong-type", "GraphQL answers `size`, declared Int, as text", "graphql.types", "gateway/graph.py"),
    # authentication
    Defect(
        "no-auth",
        "GET /api/datasets answers without credentials",
        "authn.missing-credentials-refused",
        "gateway/authentication.py",
    ),
    Defect(
        "garbage-token-accepted",
        "any text is taken for a valid token",
        "authn.garbage-credentials-refused",
        "gateway/authentication.py",
    ),
    Defect(
        "wrong-password-accepted",
        "login succeeds with a wrong password",
        "authn.wrong-password-refused",
        "gateway/authentication.py",
    ),
    Defect(
        "tampered-token-accepted",
        "the signature of a token is not verified",
        "authn.tampered-token-refused",
        "gateway/tokens.py",
    ),
    Defect(
        "expired-token-accepted",
        "the expiry of a token is not verified",
        "authn.expired-token-refused",
        "gateway/tokens.py",
    ),
    Defect(
        "alg-none-accepted",
        "an unsigned token with `alg: none` is accepted",
        "authn.alg-none-refused",
        "gateway/tokens.py",
    ),
    Defect(
        "refresh-reuse",
        "a refresh token can be used again and again",
        "authn.refresh-reuse-refused",
        "gateway/authentication.py",
    ),
    Defect(
        "logout-ineffective",
        "a token still works after logout",
        "authn.logout-ends-session",
        "gateway/authentication.py",
    ),
    Defect(
        "login-wrong-identity",
        "a login as short gives a session of alice",
        "authn.login-gives-identity",
        "gateway/authentication.py",
    ),
    Defect(
        "refresh-broken",
        "a refresh answers with a token of a session that does not exist",
        "authn.refresh-works",
        "gateway/authentication.py",
    ),
    Defect(
        "token-in-url-accepted",
        "a token in the query is taken like one in the Authorization header",
        "authn.credentials-not-in-url",
        "gateway/authentication.py",
    ),
    # authorization
    Defect(
        "bola-read",
        "a user can read datasets of another tenant by id",
        "authz.objects-not-readable-by-others",
        "gateway/datasets.py",
    ),
    Defect(
        "bola-write",
        "a user can change datasets of another tenant",
        "authz.objects-not-writable-by-others",
        "gateway/datasets.py",
    ),
    Defect(
        "bola-delete",
        "a user can delete datasets of another tenant",
        "authz.objects-not-deletable-by-others",
        "gateway/datasets.py",
    ),
    Defect(
        "collection-leak",
        "the list of datasets shows those of every tenant",
        "authz.collections-do-not-leak",
        "gateway/datasets.py",
    ),
    Defect(
        "role-not-enforced",
        "every user may call what is for administrators",
        "authz.role-enforced",
        "gateway/application.py",
    ),
    Defect(
        "tenant-header-trusted",
        "a client-supplied X-Tenant-Id replaces the tenant of the token",
        "authz.tenant-header-not-trusted",
        "gateway/authentication.py",
    ),
    # exposure and headers
    Defect("stack-trace", "error responses carry a Python traceback", "exposure.no-stack-trace", "dispatch.py"),
    Defect(
        "leaks-secret",
        "GET /auth/whoami returns the password of the user",
        "exposure.no-secret",
        "gateway/authentication.py",
    ),
    Defect("missing-nosniff", "X-Content-Type-Options is missing", "headers.nosniff", "dispatch.py"),
    Defect(
        "private-cacheable",
        "private answers carry `Cache-Control: public`",
        "headers.private-not-cacheable",
        "dispatch.py",
    ),
    Defect(
        "cors-reflects-origin",
        "any Origin is reflected, with credentials allowed",
        "headers.cors-no-reflection",
        "dispatch.py",
    ),
    Defect(
        "cookie-not-httponly", "the refresh cookie lacks HttpOnly", "session.cookie-flags", "gateway/authentication.py"
    ),
    Defect("exposed-git", "/.git/HEAD and /.git/config are served", "exposure.no-dotfiles", "gateway/exposed.py"),
    Defect("exposed-env", "/.env is served", "exposure.no-dotfiles", "gateway/exposed.py"),
    Defect(
        "directory-listing",
        "/static/ lists the files of a folder",
        "exposure.no-directory-listing",
        "gateway/exposed.py",
    ),
    Defect(
        "version-banner", "the Server header tells product and version", "exposure.no-version-banner", "dispatch.py"
    ),
    Defect(
        "exposed-debug",
        "/debug/vars and the /debug console are served",
        "exposure.no-debug-pages",
        "gateway/exposed.py",
    ),
    # dashboards and streams
    Defect("dashboard-empty-data", "dashboard panels have no points", "dashboards.data", "gateway/dashboards.py"),
    Defect("dashboard-stale", "dashboards show the state of a day ago", "dashboards.fresh", "gateway/dashboards.py"),
    Defect(
        "sse-buffered", "all server-sent events arrive at once at the end", "streams.incremental", "gateway/streams.py"
    ),
    Defect("sse-out-of-order", "neighbouring server-sent events change places", "streams.order", "gateway/streams.py"),
    Defect(
        "sse-no-resume", "Last-Event-ID is ignored: the stream starts again", "streams.resume", "gateway/streams.py"
    ),
    Defect(
        "sse-no-clean-end", "the event stream is cut off instead of ended", "streams.clean-end", "gateway/streams.py"
    ),
    Defect(
        "ws-lossy", "every seventh WebSocket message is missing", "streams.websocket-complete", "gateway/streams.py"
    ),
    Defect(
        "stream-delayed",
        "events are delivered one second after they happen",
        "streams.delivery-delay",
        "gateway/streams.py",
    ),
    # native service and boundary
    Defect("analytics-wrong-mean", "the mean is divided by n + 1", "analytics.correct", "native/host.py"),
    Defect(
        "analytics-nondeterministic", "equal requests get different means", "analytics.deterministic", "native/host.py"
    ),
    Defect(
        "nan-in-json",
        "the variance is the bare token NaN, which is not JSON",
        "contract.no-nan",
        "native/host.py",
    ),
    Defect(
        "detection-wrong-labels", "anomalies are labelled normal and the reverse", "detection.labels", "native/host.py"
    ),
    Defect("detection-ignores-input", "every input gets the same scores", "detection.sensitive", "native/host.py"),
    Defect(
        "monitoring-negative-rate", "the rate of a growing counter is negative", "monitoring.rate", "native/host.py"
    ),
    Defect(
        "native-error-as-200",
        "errors of the native service reach the client as 200",
        "boundary.error-mapping",
        "gateway/native_client.py",
    ),
    Defect(
        "native-down-500",
        "with the native service down the gateway answers 500 instead of 503",
        "boundary.down-mapping",
        "gateway/native_client.py",
    ),
    # metrics
    Defect("metrics-unparsable", "/metrics is not valid exposition text", "metrics.parse", "metrics.py"),
    Defect(
        "metrics-missing-counter", "http_requests_total is missing from /metrics", "metrics.counter-true", "metrics.py"
    ),
    Defect(
        "counter-decreases",
        "every third scrape shows counters as they were long ago",
        "metrics.counters-monotone",
        "metrics.py",
    ),
    Defect("metrics-double-count", "each request is counted twice", "metrics.counter-true", "metrics.py"),
    # load
    Defect("slow", "each answer takes 300 ms longer", "load.latency-limit", "gateway/strain.py"),
    Defect(
        "flaky-errors",
        "under load (over 60 requests/s for 4 s) every twentieth answer is 500",
        "load.error-limit",
        "gateway/strain.py",
    ),
    Defect(
        "no-recovery",
        "after load (over 60 requests/s for 4 s) every answer is a slow 503 for a minute",
        "recovery.after-load",
        "gateway/strain.py",
    ),
    Defect(
        "memory-growth", "32 KiB are kept for every request (at most 400 MiB)", "resources.memory", "gateway/strain.py"
    ),
    Defect("cpu-hog", "a thread burns one core", "resources.cpu", "gateway/strain.py"),
    Defect(
        "not-back-to-baseline",
        "a work item per request is queued and never done: the backlog stays",
        "resources.baseline",
        "gateway/strain.py",
    ),
    Defect(
        "replica-pinned",
        "of two declared replicas one never gets a connection",
        "scaling.replicas-share",
        "launcher.py",
    ),
)

BY_NAME = {defect.name: defect for defect in CATALOGUE}


class UnknownDefectError(ValueError):
    """A defect name that is not in the catalogue; the message names the nearest one."""


class Switches:
    """The defects that are switched on in this process."""

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Accepts names of the catalogue only; `UnknownDefectError` otherwise."""
        self._names = frozenset(names)
        for name in sorted(self._names - BY_NAME.keys()):
            near = get_close_matches(name, BY_NAME, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UnknownDefectError(f"unknown defect {name!r}{hint}")

    def on(self, name: str) -> bool:
        """Whether the defect is switched on."""
        return name in self._names

    def __bool__(self) -> bool:
        """Whether any defect is switched on."""
        return bool(self._names)
