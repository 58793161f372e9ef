"""Rules that remember: caches, overlapping changes, whose token it was, how long the load goes on."""

import asyncio
import json
import re
import time
from collections.abc import Callable

from benchmarks.held_out_proxy import Answer, Asked, Rule, header, with_header
from benchmarks.held_out_rules import OnAnswer, question

ASKED_BY_LOAD = {"/api/datasets", "/analytics/aggregate", "/dashboards/overview", "/auth/whoami"}
DATASET = re.compile(r"/api/datasets/[^/]+$")


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


class StallInLoad(Stall):
    """The same, where only what the load asks counts as load."""

    def wants_answer(self, asked: Asked) -> bool:
        return asked.path in ASKED_BY_LOAD


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


class HangoverAfterLoad(Hangover):
    """The same, where only what the load asks counts as load."""

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        if asked.path in ASKED_BY_LOAD:
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
