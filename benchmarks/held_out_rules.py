"""The rules by which the proxy breaks one thing at a time."""

import asyncio
import json
import re
import struct
import time
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.held_out_proxy import Answer, Asked, Headers, Rule, header, with_header

PROBLEM: Headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
DATASET = re.compile(r"/api/datasets/[^/]+$")
DETECTOR = re.compile(r"/api/detectors/[^/]+")


class Rewrites(Rule):
    """Reads every message and writes it again: a control of the proxy itself."""

    def wants_request(self, asked: Asked) -> bool:
        return True

    def wants_answer(self, asked: Asked) -> bool:
        return True

    def wants_stream(self, asked: Asked) -> bool:
        return True


class OnAnswer(Rule):
    """Changes the answers of some paths by one function."""

    def __init__(self, pattern: str, change: Callable[[Asked, Answer], None], method: str = "") -> None:
        self.pattern, self.change, self.method = re.compile(pattern), change, method

    def wants_request(self, asked: Asked) -> bool:
        return asked.method == "POST" and self.wants_answer(asked)  # so that the change can look at the question

    def wants_answer(self, asked: Asked) -> bool:
        return bool(self.pattern.fullmatch(asked.path)) and (not self.method or asked.method == self.method)

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        self.change(asked, answer)


class OnRequest(Rule):
    """Changes the requests of some paths by one function."""

    def __init__(self, pattern: str, change: Callable[[Asked], Answer | None], method: str = "") -> None:
        self.pattern, self.change, self.method = re.compile(pattern), change, method

    def wants_request(self, asked: Asked) -> bool:
        return bool(self.pattern.fullmatch(asked.path)) and (not self.method or asked.method == self.method)

    async def on_request(self, asked: Asked) -> Answer | None:
        return self.change(asked)


def of_json(change: Callable[[Asked, dict[str, Any]], None]) -> Callable[[Asked, Answer], None]:
    """Changes a JSON object of a good answer."""

    def changed(asked: Asked, answer: Answer) -> None:
        value = answer.json()
        if answer.status < 300 and isinstance(value, dict):
            change(asked, value)
            answer.put(value)

    return changed


def question(asked: Asked) -> dict[str, Any]:
    """The JSON object of a request, empty where it is none."""
    try:
        value = json.loads(asked.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# Values


def swap_median(_: Asked, value: dict[str, Any]) -> None:
    if value.get("count", 0) > 20:
        value["mean"], value["median"] = value["median"], value["mean"]


def float32_mean(_: Asked, value: dict[str, Any]) -> None:
    if isinstance(value.get("mean"), float):
        value["mean"] = struct.unpack("f", struct.pack("f", value["mean"]))[0]


def cut_long_text(_: Asked, value: dict[str, Any]) -> None:
    if isinstance(value.get("value"), str):
        value["value"] = value["value"][:4096]


def compose_name(_: Asked, value: dict[str, Any]) -> None:
    if isinstance(value.get("name"), str):
        value["name"] = unicodedata.normalize("NFKC", value["name"]).strip()


def forget_offset(asked: Asked, value: dict[str, Any]) -> None:
    found = re.search(r"[+-](\d\d):?(\d\d)$", str(question(asked).get("at", "")))
    if found and isinstance(value.get("epoch_s"), int | float) and int(found[2]) == 30:
        value["epoch_s"] += 1800  # half hours of an offset are dropped


def local_stamp(_: Asked, value: dict[str, Any]) -> None:
    if "generated_at" in value:
        hour = (int(value["generated_at"][11:13]) + 1) % 24
        value["generated_at"] = f"{value['generated_at'][:11]}{hour:02d}{value['generated_at'][13:]}"


def shift_labels(_: Asked, value: dict[str, Any]) -> None:
    labels = value.get("labels")
    if isinstance(labels, list) and labels:
        value["labels"] = [labels[-1], *labels[:-1]]


def total_of_page(_: Asked, value: dict[str, Any]) -> None:
    value["total"] = len(value.get("items", []))


def truncated(_: Asked, answer: Answer) -> None:
    answer.body = answer.body[:8192]


def one_byte_short(_: Asked, answer: Answer) -> None:
    if len(answer.body) > 20_000:
        answer.said_length, answer.close = len(answer.body) + 1, True


class PageOffByOne(Rule):
    """A page that is not the first begins one row early."""

    def wants_request(self, asked: Asked) -> bool:
        return asked.path == "/analytics/page"

    async def on_request(self, asked: Asked) -> Answer | None:
        value = question(asked)
        if isinstance(value.get("offset"), int) and value["offset"] > 0 and value.get("limit", 0) != 1:
            asked.body = json.dumps(value | {"offset": value["offset"] - 1}).encode()
        return None


# State


class Tokens(Rule):
    """Remembers tokens that work, so that a request can be let in with somebody else's."""

    def __init__(self) -> None:
        self.of_user: dict[str, list[str]] = {}
        self.issued: set[str] = set()
        self.ended: set[str] = set()

    def wants_answer(self, asked: Asked) -> bool:
        return asked.path in {"/auth/login", "/auth/refresh", "/auth/logout"}

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        value = answer.json()
        if isinstance(value, dict) and "access_token" in value:
            token = str(value["access_token"])
            user = Asked("GET", "/", [("Authorization", f"Bearer {token}")]).user
            self.of_user.setdefault(user, []).append(token)
            self.issued.add(token)
        elif asked.path == "/auth/logout" and answer.status == 204:
            self.ended.add(asked.token)

    def holds(self, asked: Asked) -> bool:
        """Whether the request has a token that the target gave, and that has neither ended nor expired."""
        fresh = bool(asked.claims.get("exp", 0) > time.time())
        return asked.token in self.issued and asked.token not in self.ended and fresh

    def let_in(self, asked: Asked, user: str) -> None:
        """Replace the credential by the last one of this user that works."""
        for token in reversed(self.of_user.get(user, [])):
            if token not in self.ended:
                asked.headers = with_header(asked.headers, "Authorization", f"Bearer {token}")
                return


class Cache(Tokens):
    """Keeps answers to GET for a while under a key that leaves something out."""

    def __init__(self, pattern: str, ttl_s: float, *, by_user: bool) -> None:
        super().__init__()
        self.pattern, self.ttl_s, self.by_user = re.compile(pattern), ttl_s, by_user
        self.kept: dict[str, tuple[float, Answer]] = {}

    def _key(self, asked: Asked) -> str:
        return f"{asked.target} {asked.user if self.by_user else ''}"

    def _cached(self, asked: Asked) -> bool:
        return asked.method == "GET" and bool(self.pattern.fullmatch(asked.path))

    def wants_answer(self, asked: Asked) -> bool:
        return super().wants_answer(asked) or self._cached(asked)

    def wants_request(self, asked: Asked) -> bool:
        return self._cached(asked) and self.holds(asked)

    async def on_request(self, asked: Asked) -> Answer | None:
        at, answer = self.kept.get(self._key(asked), (0.0, None))
        if answer is None or time.monotonic() - at > self.ttl_s:
            return None
        return Answer(answer.status, answer.headers, answer.body, answer.reason)

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        await super().on_answer(asked, answer)
        if answer.status == 200 and self._cached(asked):
            self.kept[self._key(asked)] = time.monotonic(), answer


class LostUpdate(Rule):
    """Of two changes of one thing that overlap, the later one answers as the first did, and is gone."""

    def __init__(self) -> None:
        self.under_way: dict[str, asyncio.Future[Answer]] = {}

    def wants_request(self, asked: Asked) -> bool:
        return asked.method == "PUT" and bool(DATASET.fullmatch(asked.path))

    wants_answer = wants_request

    async def on_request(self, asked: Asked) -> Answer | None:
        asked.notes["key"] = f"{asked.path} {asked.token}"
        other = self.under_way.get(asked.notes["key"])
        if other is not None:
            with_answer = await asyncio.wait({other}, timeout=2)
            if with_answer[0]:
                first = other.result()
                return Answer(first.status, first.headers, first.body, first.reason)
        self.under_way[asked.notes["key"]] = asyncio.get_running_loop().create_future()
        return None

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        waiting = self.under_way.pop(asked.notes.get("key", ""), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)


class Crosstalk(Rule):
    """Two computations under way at once: the one that ends second gets the first one's answer (a shared buffer)."""

    def __init__(self) -> None:
        self.under_way: dict[int, float] = {}
        self.last = b""

    def wants_request(self, asked: Asked) -> bool:
        return asked.method == "POST" and asked.path in {"/analytics/aggregate", "/detection/score"}

    wants_answer = wants_request

    async def on_request(self, asked: Asked) -> Answer | None:
        now = time.monotonic()
        asked.notes["alone"] = not any(now - at < 2 for at in self.under_way.values())
        self.under_way[asked.number] = now
        return None

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        self.under_way.pop(asked.number, None)
        if answer.status == 200 and asked.path == "/analytics/aggregate":
            if not asked.notes["alone"] and self.last:
                answer.body = self.last
            self.last = answer.body


# Who may do what


class LetIn(Tokens):
    """Some requests are let in as somebody else."""

    def __init__(self, pattern: str, whom: Callable[["LetIn", Asked], str | None], method: str = "") -> None:
        super().__init__()
        self.pattern, self.whom, self.method = re.compile(pattern), whom, method

    def wants_request(self, asked: Asked) -> bool:
        return bool(self.pattern.fullmatch(asked.path)) and (not self.method or asked.method == self.method)

    async def on_request(self, asked: Asked) -> Answer | None:
        user = self.whom(self, asked)
        if user is not None:
            self.let_in(asked, user)
        return None


class DetectorOfAnybody(LetIn):
    """Whoever knows a detector's id may read its results: the owner is not looked at."""

    def __init__(self) -> None:
        super().__init__(
            r"/api/detectors/[^/]+(/results)?", lambda rule, asked: "alice" if rule.holds(asked) else None, "GET"
        )


class TokenInQuery(Rule):
    """`?access_token=` is as good as the header."""

    def wants_request(self, asked: Asked) -> bool:
        return "access_token=" in asked.target or "token=" in asked.target

    async def on_request(self, asked: Asked) -> Answer | None:
        found = re.search(r"[?&](?:access_)?token=([^&]+)", asked.target)
        if found and not asked.token:
            asked.headers = with_header(asked.headers, "Authorization", f"Bearer {found[1]}")
        return None


class ReplayedRefresh(Rule):
    """A refresh token that was used works again: it gives what it gave the first time."""

    def __init__(self) -> None:
        self.given: dict[bytes, Answer] = {}

    def wants_request(self, asked: Asked) -> bool:
        return asked.path == "/auth/refresh"

    wants_answer = wants_request

    async def on_request(self, asked: Asked) -> Answer | None:
        answer = self.given.get(asked.body)
        return Answer(answer.status, answer.headers, answer.body, answer.reason) if answer and asked.body else None

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        if answer.status == 200:
            self.given[asked.body] = answer


class PasswordPrefix(Rule):
    """Only the first 16 characters of a password count beyond the right length (an old hash)."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def wants_request(self, asked: Asked) -> bool:
        return asked.path == "/auth/login"

    wants_answer = wants_request

    async def on_request(self, asked: Asked) -> Answer | None:
        value = question(asked)
        right = self.known.get(str(value.get("username")))
        asked.notes["asked"] = value
        if right and str(value.get("password", "")).startswith(right):
            asked.body = json.dumps(value | {"password": right}).encode()
        return None

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        value = asked.notes["asked"]
        if answer.status == 200 and str(value.get("username")) not in self.known:
            self.known[str(value["username"])] = str(value["password"])


# Time and load


class Slow(Rule):
    """Delays some answers: `when` gives seconds by the how-manieth of these requests it is."""

    def __init__(self, pattern: str, when: Callable[[int], float]) -> None:
        self.pattern, self.when, self.count = re.compile(pattern), when, 0

    def wants_answer(self, asked: Asked) -> bool:
        return bool(self.pattern.fullmatch(asked.path))

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        self.count += 1
        await asyncio.sleep(self.when(self.count))


class UnderLoad(Rule):
    """Sees when many requests come (60 within a second), and for how long that has been so."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.began: float | None = None
        self.ended: float | None = None

    def seen(self) -> bool:
        now = time.monotonic()
        self.times = [at for at in self.times[-200:] if at > now - 1] + [now]
        busy = len(self.times) >= 60
        if busy and self.began is None:
            self.began = now
        if not busy and self.began is not None and self.ended is None:
            if now - self.began > 5:
                self.ended = now
            else:
                self.began = None  # a short rush, not the load
        return busy


class Stall(UnderLoad):
    """Four seconds into the load everything stands still for a second and a half (a collection of garbage, a failover)."""

    def __init__(self) -> None:
        super().__init__()
        self.until = 0.0

    def wants_answer(self, asked: Asked) -> bool:
        return True

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        self.seen()
        now = time.monotonic()
        if self.began is not None and not self.until and now - self.began > 4:
            self.until = now + 1.5
        await asyncio.sleep(max(0.0, self.until - now))


class Burst(UnderLoad):
    """Five seconds into the load, 40 answers in a row are 503."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 40

    def wants_answer(self, asked: Asked) -> bool:
        return True

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        self.seen()
        if self.began is not None and time.monotonic() - self.began > 5 and self.left:
            self.left -= 1
            answer.status, answer.reason = 503, "Service Unavailable"
            answer.headers = with_header(answer.headers, "content-type", "application/problem+json")
            answer.put({"type": "about:blank", "title": "Service Unavailable", "status": 503})


class Hangover(UnderLoad):
    """After the load every answer takes 0.6 s more, for 20 s (queues that drain, caches that are cold)."""

    def wants_answer(self, asked: Asked) -> bool:
        return True

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        self.seen()
        if self.ended is not None and time.monotonic() - self.ended < 20:
            await asyncio.sleep(0.6)


class EveryNth(OnAnswer):
    """Changes one in so many of some answers."""

    def __init__(self, pattern: str, every: int, change: Callable[[Asked, Answer], None]) -> None:
        self.count = 0

        def counted(asked: Asked, answer: Answer) -> None:
            self.count += 1
            if self.count % every == 0:
                change(asked, answer)

        super().__init__(pattern, counted)


def drip(_: Asked, answer: Answer) -> None:
    answer.piece_bytes, answer.pause_s = 100, 0.06


# Errors


def error_in_200(_: Asked, answer: Answer) -> None:
    if answer.status in {400, 422}:
        detail = (answer.json() or {}).get("detail")
        answer.status, answer.reason = 200, "OK"
        answer.headers = with_header(answer.headers, "content-type", "application/json")
        answer.put({"success": False, "error": detail})


def html_404(_: Asked, answer: Answer) -> None:
    if answer.status == 404:
        answer.headers = with_header(answer.headers, "content-type", "text/html")
        answer.body = b"<html><head><title>404 Not Found</title></head><body><center>nginx</center></body></html>"


def crash_404(_: Asked, answer: Answer) -> None:
    if answer.status == 404:
        answer.status, answer.reason = 500, "Internal Server Error"
        answer.put({"type": "about:blank", "title": "Internal Server Error", "status": 500})


def trace_on_emoji(asked: Asked, answer: Answer) -> None:
    if asked.body and any(ord(letter) > 0xFFFF for letter in str(question(asked).get("name", ""))):
        answer.status, answer.reason = 500, "Internal Server Error"
        answer.headers = with_header(answer.headers, "content-type", "text/plain")
        line = '  File "/srv/app/store.py", line 88, in save\n    cursor.execute(INSERT, row)\n'
        answer.body = f"Traceback (most recent call last):\n{line}UnicodeEncodeError: 'latin-1' codec".encode()


def trace_on_syntax(asked: Asked, answer: Answer) -> None:
    if answer.status == 400:
        line = '  File "/srv/app/rates.py", line 31, in read\n    body = json.loads(raw)\n'
        trace = f"Traceback (most recent call last):\n{line}json.decoder.JSONDecodeError: Expecting value"
        answer.put((answer.json() or {}) | {"detail": trace})


# Headers


def drop_on_error(name: str) -> Callable[[Asked, Answer], None]:
    def change(_: Asked, answer: Answer) -> None:
        if answer.status >= 400:
            answer.headers = with_header(answer.headers, name, None)

    return change


def reflect_origin(asked: Asked, answer: Answer) -> None:
    origin = header(asked.headers, "origin")
    if origin:
        answer.headers = with_header(answer.headers, "Access-Control-Allow-Origin", origin)
        answer.headers = with_header(answer.headers, "Access-Control-Allow-Credentials", "true")


def script_cookie(_: Asked, answer: Answer) -> None:
    cookie = header(answer.headers, "set-cookie")
    if cookie:
        answer.headers = with_header(answer.headers, "Set-Cookie", cookie.replace("; HttpOnly", ""))


def may_be_kept(_: Asked, answer: Answer) -> None:
    if answer.status == 200:
        answer.headers = with_header(answer.headers, "Cache-Control", "public, max-age=60")


def without(name: str) -> Callable[[Asked], Answer | None]:
    def change(asked: Asked) -> Answer | None:
        asked.headers = with_header(asked.headers, name, None)
        return None

    return change


def small_limit(asked: Asked) -> Answer | None:
    if len(asked.body) <= 131_072:
        return None
    answer = Answer(413, list(PROBLEM), reason="Content Too Large", close=True)
    answer.put({"type": "about:blank", "title": "Content Too Large", "status": 413})
    return answer


# Streams


class Events(Rule):
    """Changes what a stream sends."""

    def __init__(self, path: str, change: Callable[["Events", Asked, bytes], Sequence[bytes]]) -> None:
        self.path, self.change = path, change

    def wants_stream(self, asked: Asked) -> bool:
        return asked.path == self.path

    async def on_event(self, asked: Asked, event: bytes) -> Sequence[bytes]:
        asked.notes["count"] = asked.notes.get("count", 0) + 1
        return self.change(self, asked, event)


def twice(_: Events, asked: Asked, event: bytes) -> Sequence[bytes]:
    return [event, event] if asked.notes["count"] == 60 else [event]


def swapped(_: Events, asked: Asked, event: bytes) -> Sequence[bytes]:
    if asked.notes["count"] == 70:
        asked.notes["held"] = event
        return []
    return [event, asked.notes.pop("held")] if "held" in asked.notes else [event]


def without_last(_: Events, asked: Asked, event: bytes) -> Sequence[bytes]:
    return [] if b'"sequence":100,' in event else [event]


def in_batches(_: Events, asked: Asked, event: bytes) -> Sequence[bytes]:
    held: list[bytes] = asked.notes.setdefault("held", [])
    held.append(event)
    if len(held) < 80 and b"event: end" not in event:
        return []
    asked.notes["held"] = []
    return held


def without_astral(_: Events, asked: Asked, event: bytes) -> Sequence[bytes]:
    if asked.notes["count"] % 25:
        return [event]
    return ["".join(letter if ord(letter) < 0x10000 else "??" for letter in event.decode()).encode()]


class ResumeOneLate(Rule):
    """A listener who comes back misses one event."""

    def wants_request(self, asked: Asked) -> bool:
        return asked.path == "/stream/events" and header(asked.headers, "last-event-id") is not None

    async def on_request(self, asked: Asked) -> Answer | None:
        last = header(asked.headers, "last-event-id") or ""
        if last.isdigit():
            asked.headers = with_header(asked.headers, "Last-Event-ID", str(int(last) + 1))
        return None


# What watches the system


class FrozenCounter(Rule):
    """The counter of listed data sets stands still after its first reading."""

    LINE = re.compile(rb'^http_requests_total\{method="GET",route="/api/datasets",status="200"\} .*$', re.MULTILINE)

    def __init__(self) -> None:
        self.first: bytes | None = None

    def wants_answer(self, asked: Asked) -> bool:
        return asked.path == "/metrics"

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        found = self.LINE.search(answer.body)
        if found:
            self.first = self.first or found[0]
            answer.body = self.LINE.sub(self.first, answer.body)


def always_ready(_: Asked, answer: Answer) -> None:
    if answer.status != 200:
        answer.status, answer.reason = 200, "OK"
        answer.headers = with_header(answer.headers, "content-type", "application/json")
        answer.put({"status": "ready", "dependencies": {"storage": "up", "native": "up"}})


def unauthorized(_: Asked, answer: Answer) -> None:
    answer.status, answer.reason = 401, "Unauthorized"
    answer.headers = with_header(answer.headers, "content-type", "application/problem+json")
    answer.headers = with_header(answer.headers, "WWW-Authenticate", 'Bearer realm="reference", error="invalid_token"')
    answer.put({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "the token is not valid"})


class DeleteAcknowledged(Rule):
    """What may be deleted is said to be gone, and is not."""

    def wants_request(self, asked: Asked) -> bool:
        return asked.method == "DELETE" and bool(DATASET.fullmatch(asked.path))

    def wants_answer(self, asked: Asked) -> bool:
        return "deleting" in asked.notes

    async def on_request(self, asked: Asked) -> Answer | None:
        asked.method, asked.notes["deleting"] = "GET", True
        return None

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        if answer.status == 200:
            answer.status, answer.reason, answer.body = 204, "No Content", b""
            for name in ("content-length", "content-type", "etag"):
                answer.headers = with_header(answer.headers, name, None)


class TwoBuilds(Rule):
    """Every third answer comes from the last release (a rollout that got stuck)."""

    def wants_answer(self, asked: Asked) -> bool:
        return asked.number % 3 == 0

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        if header(answer.headers, "x-build-id"):
            answer.headers = with_header(answer.headers, "X-Build-Id", "0000deadbeef")
        if asked.path == "/health" and answer.status == 200:
            answer.put((answer.json() or {}) | {"build": "0000deadbeef"})


class SilentWrite(Rule):
    """One change in four is answered as done and is not (a replica that accepts and forgets)."""

    def __init__(self) -> None:
        self.count = 0

    def wants_request(self, asked: Asked) -> bool:
        return asked.method == "PUT" and bool(DATASET.fullmatch(asked.path))

    async def on_request(self, asked: Asked) -> Answer | None:
        self.count += 1
        if self.count % 4 or not asked.token:
            return None
        asked.method, asked.body, asked.headers = "GET", b"", with_header(asked.headers, "content-type", None)
        return None


def other_than(owner: str) -> Callable[[LetIn, Asked], str | None]:
    return lambda rule, asked: owner if rule.holds(asked) and asked.user != owner else None


def ended(rule: LetIn, asked: Asked) -> str | None:
    return asked.user if asked.token in rule.ended else None


def expired(rule: LetIn, asked: Asked) -> str | None:
    return "alice" if asked.token in rule.issued and not rule.holds(asked) and asked.user == "short" else None


def nobody(_: LetIn, asked: Asked) -> str | None:
    return None if header(asked.headers, "authorization") else "alice"
