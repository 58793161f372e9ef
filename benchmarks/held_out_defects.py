"""The held-out defects: what each does, what is lost by it, and whether the profile was expected to cover it.

Written before any of them was run, from profiles/reference.yaml, the requirements and the field notes alone. (Longer than
400 lines because it is one table, and stays the file that was committed before the first run.)
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.held_out_proxy import Rule
from benchmarks.held_out_rules import (
    Events,
    FrozenCounter,
    OnAnswer,
    OnRequest,
    PageOffByOne,
    ResumeOneLate,
    Rewrites,
    TwoBuilds,
    always_ready,
    compose_name,
    crash_404,
    cut_long_text,
    drip,
    drop_on_error,
    error_in_200,
    float32_mean,
    forget_offset,
    html_404,
    in_batches,
    local_stamp,
    may_be_kept,
    of_json,
    one_byte_short,
    reflect_origin,
    script_cookie,
    shift_labels,
    small_limit,
    swap_median,
    swapped,
    total_of_page,
    trace_on_emoji,
    trace_on_syntax,
    truncated,
    twice,
    unauthorized,
    without,
    without_astral,
    without_last,
)
from benchmarks.held_out_state import (
    Burst,
    Cache,
    Crosstalk,
    DeleteAcknowledged,
    DetectorOfAnybody,
    EveryNth,
    Hangover,
    HangoverAfterLoad,
    LetIn,
    LostUpdate,
    PasswordPrefix,
    ReplayedRefresh,
    SilentWrite,
    Slow,
    Stall,
    StallInLoad,
    TokenInQuery,
    ended,
    expired,
    nobody,
    other_than,
)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A defect: what it does, what a user of the promise loses, and whether the profile covers it (yes, unsure, no)."""

    name: str
    what: str
    loses: str
    covered: str
    make: Callable[[], Rule]


LOADED = r"/api/datasets|/analytics/aggregate|/dashboards/overview|/auth/whoami"

CONTROLS = (
    HeldOut("no-defect", "reads every message, changes nothing", "", "", Rule),
    HeldOut("no-defect-rewritten", "takes every message apart and writes it again", "", "", Rewrites),
)

DEFECTS = (
    HeldOut(
        "swapped-mean-median",
        "mean and median change places for more than 20 values",
        "right statistics of real data",
        "yes",
        lambda: OnAnswer("/analytics/aggregate", of_json(swap_median)),
    ),
    HeldOut("page-off-by-one", "pages after the first begin one row early", "each row once", "yes", PageOffByOne),
    HeldOut(
        "json-cut-at-8k",
        "answers of /analytics/* longer than 8192 bytes are cut, length adjusted",
        "long answers",
        "yes",
        lambda: OnAnswer("/analytics/.*", truncated),
    ),
    HeldOut(
        "stale-after-write",
        "a data set just read is answered from a cache for 1.5 s",
        "reading what was written",
        "yes",
        lambda: Cache(r"/api/datasets/[^/]+", 1.5, by_user=True),
    ),
    HeldOut(
        "dashboard-of-another",
        "the dashboard is cached for 0.4 s under its path alone",
        "one tenant's figures go to another",
        "yes",
        lambda: Cache("/dashboards/overview", 0.4, by_user=False),
    ),
    HeldOut(
        "lost-update",
        "a change that overlaps another of the same thing is answered, and dropped",
        "changes",
        "yes",
        LostUpdate,
    ),
    HeldOut(
        "delete-other-tenant",
        "anybody with a token may delete any data set",
        "data",
        "yes",
        lambda: LetIn(r"/api/datasets/[^/]+", other_than("alice"), "DELETE"),
    ),
    HeldOut(
        "admin-by-any-user",
        "users list is served to role user",
        "the admin's view is for admins",
        "yes",
        lambda: LetIn("/admin/users", other_than("root")),
    ),
    HeldOut(
        "logged-out-on-dashboards",
        "a token that was logged out still opens /dashboards and /dashboards/*",
        "logout ends access everywhere",
        "unsure",
        lambda: LetIn("/dashboards.*", ended),
    ),
    HeldOut(
        "tail-latency",
        "8 % of the answers under load take 0.35 s more",
        "95 % within 200 ms",
        "yes",
        lambda: Slow(LOADED, lambda n: 0.35 if n % 25 in {3, 15} else 0.0),
    ),
    HeldOut(
        "stall-under-load",
        "everything stands still for 1.5 s in the midst of the load",
        "95 % within 200 ms",
        "yes",
        Stall,
    ),
    HeldOut("burst-of-503", "40 answers in a row are 503 under load", "at most 1 % errors", "yes", Burst),
    HeldOut(
        "error-in-200",
        "refusals of /analytics/* and /detection/* are 200 with success: false",
        "errors that clients notice",
        "yes",
        lambda: OnAnswer("/(analytics|detection)/.*", error_in_200),
    ),
    HeldOut(
        "trace-on-syntax-error",
        "broken JSON to /monitoring/rate shows a stack trace in the detail",
        "no internals outside",
        "unsure",
        lambda: OnAnswer("/monitoring/rate", trace_on_syntax),
    ),
    HeldOut(
        "sse-duplicate",
        "event 60 of the event stream comes twice",
        "each event once",
        "yes",
        lambda: Events("/stream/events", twice),
    ),
    HeldOut(
        "ws-last-lost",
        "the last message of the WebSocket is lost before it closes",
        "all 100 messages",
        "yes",
        lambda: Events("/stream/ws", without_last),
    ),
    HeldOut(
        "drip",
        "the dashboard comes in pieces of 100 bytes, 60 ms apart",
        "95 % within 200 ms",
        "yes",
        lambda: OnAnswer("/dashboards/overview", drip),
    ),
    HeldOut(
        "length-one-more",
        "answers over 20 kB say one byte more than they send, and close",
        "whole large answers",
        "yes",
        lambda: OnAnswer("/analytics/blob", one_byte_short),
    ),
    HeldOut(
        "mean-in-float32",
        "the mean passes through a 32-bit float",
        "digits",
        "yes",
        lambda: OnAnswer("/analytics/aggregate", of_json(float32_mean)),
    ),
    HeldOut(
        "name-normalised",
        "names of data sets come back in NFKC and trimmed",
        "names as they were given",
        "unsure",
        lambda: OnAnswer("/api/datasets(/.*)?", of_json(compose_name)),
    ),
    HeldOut(
        "half-hour-offset",
        "half hours of a UTC offset are dropped (India)",
        "right instants",
        "unsure",
        lambda: OnAnswer("/analytics/instant", of_json(forget_offset)),
    ),
    HeldOut(
        "counter-frozen",
        "the request counter of listDatasets stands still",
        "metrics that can be trusted",
        "yes",
        FrozenCounter,
    ),
    HeldOut(
        "ready-though-down",
        "/health/ready is 200 while the native service is down",
        "traffic goes only where it is served",
        "yes",
        lambda: OnAnswer("/health/ready", always_ready),
    ),
    HeldOut(
        "delete-acknowledged",
        "DELETE of a data set answers 204 and removes nothing",
        "deletion",
        "yes",
        DeleteAcknowledged,
    ),
    HeldOut(
        "silent-write", "one change in four of a data set is answered 200 and not done", "writes", "yes", SilentWrite
    ),
    HeldOut(
        "anonymous-head",
        "HEAD of private things needs no token",
        "whether things exist stays private",
        "unsure",
        lambda: LetIn("/api/datasets.*|/dashboards.*", nobody, "HEAD"),
    ),
    HeldOut(
        "detector-of-anybody",
        "detectors and their results are served to any user who knows the id",
        "one tenant's results stay its own",
        "unsure",
        DetectorOfAnybody,
    ),
    HeldOut(
        "cors-on-graphql",
        "/graphql lets any origin in, with credentials",
        "the browser's protection",
        "yes",
        lambda: OnAnswer("/graphql", reflect_origin),
    ),
    HeldOut(
        "refresh-cookie-readable",
        "the cookie set by /auth/refresh lacks HttpOnly (that of login has it)",
        "the refresh token from scripts",
        "unsure",
        lambda: OnAnswer("/auth/refresh", script_cookie),
    ),
    HeldOut(
        "dataset-cacheable",
        "GET /api/datasets/{id} says public, max-age=60",
        "private data from shared caches",
        "yes",
        lambda: OnAnswer(r"/api/datasets/[^/]+", may_be_kept, "GET"),
    ),
    HeldOut(
        "hangover", "after the load every answer takes 0.6 s more for 20 s", "recovery within 10 s", "yes", Hangover
    ),
    HeldOut(
        "idempotency-lost",
        "the idempotency key does not reach the service",
        "one order for one key",
        "yes",
        lambda: OnRequest("/context/orders", without("Idempotency-Key"), "POST"),
    ),
    HeldOut(
        "crosstalk", "an aggregate that overlaps another gets the other's answer", "one's own answer", "yes", Crosstalk
    ),
    HeldOut(
        "refresh-replayed",
        "a used refresh token works again for ever",
        "theft of tokens is noticed",
        "yes",
        ReplayedRefresh,
    ),
    HeldOut(
        "labels-shifted",
        "the labels of detections are shifted by one row",
        "the right rows are flagged",
        "yes",
        lambda: OnAnswer(r"/api/detectors/[^/]+/results", of_json(shift_labels)),
    ),
    HeldOut(
        "random-401",
        "one whoami in 40 is 401 with a good token (one replica has an old key)",
        "a session that holds",
        "unsure",
        lambda: EveryNth("/auth/whoami", 40, unauthorized),
    ),
    HeldOut(
        "stamp-in-local-time",
        "the dashboard's stamp is local time marked as UTC (one hour ahead)",
        "how old figures are",
        "yes",
        lambda: OnAnswer("/dashboards/.*", of_json(local_stamp)),
    ),
    HeldOut(
        "sse-in-batches",
        "events are held back and come in batches of 80",
        "events within 500 ms",
        "yes",
        lambda: Events("/stream/events", in_batches),
    ),
    HeldOut(
        "html-404",
        "unknown things under /api answer an HTML page",
        "errors as problem+json",
        "yes",
        lambda: OnAnswer("/api/.*", html_404),
    ),
    HeldOut(
        "echo-cut-4096",
        "texts are cut at 4096 characters",
        "long texts",
        "yes",
        lambda: OnAnswer("/analytics/echo", of_json(cut_long_text)),
    ),
    HeldOut(
        "total-of-page",
        "the total of the list is the size of its page",
        "how many there are",
        "no",
        lambda: OnAnswer("/api/datasets", of_json(total_of_page), "GET"),
    ),
    HeldOut(
        "body-limit-128k",
        "a server in front refuses bodies over 128 KiB",
        "bodies up to 512 KiB",
        "unsure",
        lambda: OnRequest("/analytics/.*", small_limit, "POST"),
    ),
    HeldOut(
        "two-builds", "one answer in three is from another build", "one release in production", "unsure", TwoBuilds
    ),
    HeldOut(
        "expired-on-streams",
        "expired tokens open the event stream",
        "expiry",
        "unsure",
        lambda: LetIn("/stream/.*", expired),
    ),
    HeldOut(
        "nosniff-lost-on-errors",
        "errors lack X-Content-Type-Options",
        "protection of error pages",
        "unsure",
        lambda: OnAnswer(".*", drop_on_error("x-content-type-options")),
    ),
    HeldOut(
        "unknown-detector-500",
        "an unknown detector is 500, not 404",
        "right errors",
        "yes",
        lambda: OnAnswer(r"/api/detectors/.*", crash_404),
    ),
    HeldOut("sse-swapped", "events 70 and 71 change places", "order", "yes", lambda: Events("/stream/events", swapped)),
    HeldOut(
        "ws-without-astral",
        "every 25th message shows ?? for letters beyond the BMP",
        "texts",
        "yes",
        lambda: Events("/stream/ws", without_astral),
    ),
    HeldOut("resume-skips-one", "a listener who comes back misses one event", "no gaps", "yes", ResumeOneLate),
    HeldOut(
        "whoami-of-another",
        "whoami is cached for 0.3 s under its path alone",
        "who one is",
        "yes",
        lambda: Cache("/auth/whoami", 0.3, by_user=False),
    ),
    HeldOut(
        "slow-after-2500",
        "after 2500 requests each answer under load takes 0.25 s more (a leak)",
        "95 % within 200 ms",
        "yes",
        lambda: Slow(".*", lambda n: 0.25 if n > 2500 else 0.0),
    ),
    HeldOut(
        "token-in-query",
        "?access_token= is taken in the place of the header",
        "tokens stay out of logs",
        "no",
        TokenInQuery,
    ),
    HeldOut(
        "trace-on-emoji-name",
        "a data set named with an emoji is a 500 with a stack trace",
        "names in any script",
        "unsure",
        lambda: OnAnswer("/api/datasets", trace_on_emoji, "POST"),
    ),
    HeldOut(
        "password-prefix",
        "a password with anything behind it logs in",
        "only the password logs in",
        "unsure",
        PasswordPrefix,
    ),
    HeldOut(
        "trace-header-dropped",
        "traceparent of the caller does not go on",
        "one trace through both services",
        "yes",
        lambda: OnRequest(".*", without("traceparent")),
    ),
)

AFTERWARDS = (
    HeldOut(
        "stall-in-load",
        "as stall-under-load, whose trigger was wrong: it fired before the load",
        "95 % within 200 ms",
        "yes",
        StallInLoad,
    ),
    HeldOut(
        "hangover-after-load",
        "as hangover, whose trigger was wrong: it fired before the load",
        "recovery within 10 s",
        "yes",
        HangoverAfterLoad,
    ),
)
