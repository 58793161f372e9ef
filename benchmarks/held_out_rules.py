"""Rules that break one thing at a time and remember little: values, pages, errors, headers, streams, what watches."""

import json
import re
import struct
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.held_out_proxy import Answer, Asked, Headers, Rule, header, with_header

PROBLEM: Headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]


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


# Pieces and errors


def drip(_: Asked, answer: Answer) -> None:
    answer.piece_bytes, answer.pause_s = 100, 0.06


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


class TwoBuilds(Rule):
    """Every third answer comes from the last release (a rollout that got stuck)."""

    def wants_answer(self, asked: Asked) -> bool:
        return asked.number % 3 == 0

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        if header(answer.headers, "x-build-id"):
            answer.headers = with_header(answer.headers, "X-Build-Id", "0000deadbeef")
        if asked.path == "/health" and answer.status == 200:
            answer.put((answer.json() or {}) | {"build": "0000deadbeef"})
