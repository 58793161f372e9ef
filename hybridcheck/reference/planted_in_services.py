"""Defects in what this system does: dashboards, streams, native service, boundary, metrics, behaviour under load."""

from hybridcheck.reference.defect import Defect

IN_SERVICES: tuple[Defect, ...] = (
    # dashboards and streams
    Defect(
        "dashboard-empty-data", "dashboard panels have no points", "dashboards.data-present", "gateway/dashboards.py"
    ),
    Defect(
        "dashboard-stale", "dashboards show the state of a day ago", "dashboards.data-fresh", "gateway/dashboards.py"
    ),
    Defect(
        "sse-buffered",
        "all server-sent events arrive at once at the end",
        "streams.delivered-incrementally",
        "gateway/streams.py",
    ),
    Defect(
        "sse-out-of-order", "neighbouring server-sent events change places", "streams.in-order", "gateway/streams.py"
    ),
    Defect(
        "sse-no-resume", "Last-Event-ID is ignored: the stream starts again", "streams.resumes", "gateway/streams.py"
    ),
    Defect(
        "sse-no-clean-end", "the event stream is cut off instead of ended", "streams.ends-cleanly", "gateway/streams.py"
    ),
    Defect(
        "sse-anonymous",
        "server-sent events are served without credentials",
        "streams.refuse-anonymous",
        "gateway/authentication.py",
    ),
    Defect(
        "ws-anonymous",
        "a WebSocket is opened and served without credentials",
        "streams.refuse-anonymous",
        "gateway/streams.py",
    ),
    Defect("ws-dirty-close", "the WebSocket is closed with 1011", "streams.ends-cleanly", "gateway/streams.py"),
    Defect("ws-lossy", "every seventh WebSocket message is missing", "streams.complete", "gateway/streams.py"),
    Defect(
        "stream-delayed",
        "events are delivered three seconds after they happen",
        "streams.delivery-delay",
        "gateway/streams.py",
    ),
    Defect(
        "stream-failure-hidden",
        "a stream whose source fails in the middle ends as if it were complete",
        "streams.failure-visible",
        "gateway/streams.py",
    ),
    # native service and boundary
    Defect("analytics-wrong-mean", "the mean is divided by n + 1", "operations.examples-hold", "native/host.py"),
    Defect(
        "analytics-nondeterministic",
        "equal requests get different means",
        "operations.deterministic",
        "native/host.py",
    ),
    Defect(
        "nan-in-json",
        "the variance is the bare token NaN, which is not JSON",
        "contract.answers-as-declared",
        "native/host.py",
    ),
    Defect(
        "detection-wrong-labels",
        "anomalies are labelled normal and the reverse",
        "operations.examples-hold",
        "native/host.py",
    ),
    Defect(
        "detection-ignores-input", "every input gets the same scores", "detection.depends-on-input", "native/host.py"
    ),
    Defect(
        "monitoring-negative-rate",
        "the rate of a growing counter is negative",
        "operations.examples-hold",
        "native/host.py",
    ),
    Defect(
        "native-differs", "the native service sorts the other way round than CPython", "twins.agree", "native/host.py"
    ),
    Defect(
        "runtime-untrue",
        "the native service says that Codon built it, which it did not",
        "boundary.runtime-declared",
        "native/host.py",
    ),
    Defect(
        "native-error-as-200",
        "errors of the native service reach the client as 200",
        "boundary.errors-mapped",
        "gateway/native_client.py",
    ),
    Defect(
        "native-down-500",
        "with the native service down the gateway answers 500 instead of 503",
        "resilience.native-down",
        "gateway/native_client.py",
    ),
    Defect(
        "trace-dropped",
        "the trace of the caller is replaced by a new one",
        "communication.trace-propagated",
        "dispatch.py",
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
        "aggregate-tail",
        "under load every eighth aggregate takes 300 ms longer",
        "load.declared-limit",
        "gateway/strain.py",
    ),
    Defect(
        "flaky-errors",
        "under load (over 60 requests/s for 4 s) every twentieth answer is 500",
        "load.error-limit",
        "gateway/strain.py",
    ),
    Defect(
        "hollow-answers",
        "under load (over 60 requests/s for 4 s) every tenth answer is 200 with an empty object",
        "load.answers-valid",
        "gateway/strain.py",
    ),
    Defect(
        "no-recovery",
        "after load (over 60 requests/s for 4 s) every answer is a slow 503 for a minute",
        "recovery.after-load",
        "gateway/strain.py",
    ),
    Defect(
        "memory-growth",
        "32 KiB are kept for every request (at most 400 MiB)",
        "resources.memory-within-limit",
        "gateway/strain.py",
    ),
    Defect(
        "cpu-hog",
        "three threads burn a core each, as far as there are",
        "resources.cpu-within-limit",
        "gateway/strain.py",
    ),
    Defect(
        "leaks-files", "every request leaves a file open (at most 800)", "resources.open-files", "gateway/strain.py"
    ),
    Defect(
        "work-piles-up",
        "a work item per request is queued and done only when it is quiet",
        "resources.backlog",
        "gateway/strain.py",
    ),
    Defect(
        "not-back-to-baseline",
        "a work item for every tenth request is queued and never done: the backlog stays",
        "resources.returns-to-baseline",
        "gateway/strain.py",
    ),
    Defect(
        "replica-pinned",
        "of two declared replicas one never gets a connection",
        "scaling.replicas-share",
        "launcher.py",
        demo_needs="two gateways that share their counters; tests run it on a profile of its own",
    ),
)
