"""Each defect at the edges of the native types is seen on a system that has it, and not on the healthy one."""

import json
import time
from collections.abc import Callable
from itertools import product
from typing import Any

import psutil

from tests.integration.reference.visitor import PATIENCE_S, Observer, Visitor, seen_beside_others

TOGETHER = (
    (
        "native-int-indef native-sum-reordered native-shift-masked native-prefix-bytes native-float-floordiv native-fmod"
        " native-strip-ascii native-digits-ascii native-key-order native-partition-signed native-validate-newline"
        " native-binary-nul native-nan-canonical native-hash-flooding duplicate-first-wins unknown-members-dropped"
        " native-zero-crash native-smallest-crash native-depth-crash codon-trace generation-misdeclared"
    ),
    "native-validate-digits native-binary-text native-zero-answers native-depth-500",
)
"""One running system for each line, with all its switches on: they do not hide each other."""

INTEGERS_FROM = -(2**63)

TICK_S = 0.01
"""The grain in which a system counts what a process has computed."""


def scalar(visitor: Visitor, operation: str, a: float, b: float) -> Any:
    """The result of an operation on two numbers; None for a refusal."""
    return visitor.post("/analytics/scalar", {"operation": operation, "a": a, "b": b}).json().get("result")


def text(visitor: Visitor, value: str, **more: int) -> dict[str, Any]:
    """What the native service finds out about a text."""
    found: dict[str, Any] = visitor.post("/analytics/text", {"text": value} | more).json()
    return found


def valid(visitor: Visitor, account: str) -> bool:
    """Whether the native validator takes a text, which its twin refuses."""
    assert visitor.post("/ref/analytics/validate", {"text": account}).json()["valid"] is False
    return bool(visitor.post("/analytics/validate", {"text": account}).json()["valid"])


def bytes_back(visitor: Visitor, sent: bytes) -> bytes:
    """What comes back of some bytes."""
    headers = {"Content-Type": "application/octet-stream"}
    return visitor.ask("POST", "/analytics/bytes", content=sent, headers=headers).content


def echoed(visitor: Visitor, body: str) -> str:
    """The text of the answer to an echo's body as it is written."""
    return visitor.ask(
        "POST", "/analytics/echo", content=body.encode(), headers={"Content-Type": "application/json"}
    ).text


def sees_native_int_indef(visitor: Visitor) -> bool:
    """1e300 is cut to -2^63."""
    return bool(scalar(visitor, "truncate", 1e300, 0) == INTEGERS_FROM)


def sees_native_sum_reordered(visitor: Visitor) -> bool:
    """One list has several variances."""
    asked = {"values": [0.1, 0.7, 1.9]}
    return len({visitor.post("/analytics/aggregate", asked).json()["variance"] for _ in range(10)}) > 1


def sees_codon_trace(visitor: Visitor) -> bool:
    """A 404 names a line of Codon source."""
    return "kernels.codon:" in visitor.get("/nowhere").text


def sees_native_shift_masked(visitor: Visitor) -> bool:
    """A shift by 64 is none."""
    return bool(scalar(visitor, "shift", 5, 64) == 5)


def sees_native_prefix_bytes(visitor: Visitor) -> bool:
    """The first character of an accented word is half of one."""
    return bool(text(visitor, "été", limit=1)["prefix"] == "\ufffd")


def sees_native_float_floordiv(visitor: Visitor) -> bool:
    """1.0 // 0.1 is 10."""
    return bool(scalar(visitor, "floordiv", 1.0, 0.1) == 10)


def sees_native_fmod(visitor: Visitor) -> bool:
    """-7.5 % 2 is negative."""
    return bool(scalar(visitor, "mod", -7.5, 2) == -1.5)


def sees_native_strip_ascii(visitor: Visitor) -> bool:
    """An ideographic space stays."""
    return bool(text(visitor, "\u3000a ")["stripped"] == "\u3000a")


def sees_native_digits_ascii(visitor: Visitor) -> bool:
    """Arabic digits are none."""
    return text(visitor, "٣٤")["decimal"] is False


def sees_native_key_order(visitor: Visitor) -> bool:
    """What came as b, a goes as a, b."""
    return '{"a":2,"b":1}' in echoed(visitor, '{"value":{"b":1,"a":2}}')


def sees_native_partition_signed(visitor: Visitor) -> bool:
    """Of eight keys one has a shard below 0."""
    return any(visitor.post("/analytics/partition", {"key": key}).json()["shard"] < 0 for key in "abcdefgh")


def sees_native_validate_newline(visitor: Visitor) -> bool:
    """A newline at the end is taken."""
    return valid(visitor, "1234\n")


def sees_native_validate_digits(visitor: Visitor) -> bool:
    """Arabic digits are taken."""
    return valid(visitor, "١٢٣٤")


def sees_native_binary_nul(visitor: Visitor) -> bool:
    """What follows NUL is gone."""
    return bytes_back(visitor, b"a\0b") == b"a"


def sees_native_binary_text(visitor: Visitor) -> bool:
    """One byte beyond ASCII becomes two."""
    return bytes_back(visitor, b"\xe9") == b"\xc3\xa9"


def sees_native_nan_canonical(visitor: Visitor) -> bool:
    """What a NaN carries is gone."""
    return bytes_back(visitor, b"bearer\xf8\x7f") == b"\0\0\0\0\0\0\xf8\x7f"


def sees_native_hash_flooding(visitor: Visitor) -> bool:
    """Names that collide take many times as long as others of their length."""
    # "Aa" and "BB" have one hash where each character counts 31 times as much as the next.
    alike = ["".join(parts) for parts in product(("Aa", "BB"), repeat=12)]
    spent_s = []
    for names in (alike, [f"{number * 7919:024x}" for number in range(len(alike))]):
        body = json.dumps({"value": dict.fromkeys(names, 0)})
        before = computed_s(visitor)
        for _ in range(3):
            echoed(visitor, body)
        spent_s.append(computed_s(visitor) - before)
    return spent_s[0] > 4 * spent_s[1] + 10 * TICK_S


def computed_s(visitor: Visitor) -> float:
    """What the native process has computed so far, which neighbours on its cores do not stretch."""
    return psutil.Process(visitor.system.pids["native"]).cpu_times().user


def sees_duplicate_first_wins(visitor: Visitor) -> bool:
    """Of two values the first comes back."""
    return '"value":1' in echoed(visitor, '{"value":1,"value":2}')


def sees_unknown_members_dropped(visitor: Visitor) -> bool:
    """A member that is not declared is taken here, and refused by the twin."""
    asked = {"value": 1, "unknown": 2}
    assert visitor.post("/ref/analytics/echo", asked).status_code == 422
    return visitor.post("/analytics/echo", asked).status_code == 200


def dies(visitor: Visitor, path: str, document: object) -> bool:
    """Whether a request ends the native process; returns when there is one again."""
    before = visitor.system.pids["native"]
    if visitor.post(path, document).status_code == 422:
        return False
    until = time.monotonic() + PATIENCE_S
    while visitor.system.pids.get("native") == before or visitor.get("/health/ready", None).status_code != 200:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def division(a: int, b: int) -> dict[str, Any]:
    """The body of a floor division."""
    return {"operation": "floordiv", "a": a, "b": b}


def nested(levels: int) -> dict[str, Any]:
    """The body of an echo with lists in lists."""
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return {"value": found}


def sees_native_zero_crash(visitor: Visitor) -> bool:
    """An integer by zero ends the process."""
    return dies(visitor, "/analytics/scalar", division(5, 0))


def sees_native_smallest_crash(visitor: Visitor) -> bool:
    """-2^63 by -1 ends the process."""
    return dies(visitor, "/analytics/scalar", division(INTEGERS_FROM, -1))


def sees_native_zero_answers(visitor: Visitor) -> bool:
    """5 // 0 is 0."""
    return bool(scalar(visitor, "floordiv", 5, 0) == 0)


def sees_native_depth_crash(visitor: Visitor) -> bool:
    """Three hundred levels end the process."""
    return dies(visitor, "/analytics/echo", nested(300))


def sees_native_depth_500(visitor: Visitor) -> bool:
    """Three hundred levels are a failure of the native service, which stays alive."""
    before = visitor.system.pids["native"]
    answer = visitor.post("/analytics/echo", nested(300))
    return answer.status_code == 502 and visitor.system.pids.get("native") == before


def sees_generation_misdeclared(visitor: Visitor) -> bool:
    """The operator says legacy."""
    return visitor.system.environment()["REFERENCE_GENERATION"] == "legacy"


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor, together: Callable[[str], Visitor]) -> None:
    """The wrong behaviour shows on the system with its switch, and not on the healthy one."""
    seen_beside_others(observer, healthy, together)
