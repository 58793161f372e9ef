"""Each defect of the native service's numbers, text, JSON, order and time is seen with its switch on, and only then."""

import json
import re
import time
from datetime import datetime
from typing import Any

from tests.integration.reference.visitor import Observer, Visitor, seen_with_its_switch_only

TWO63 = 2**63


def sent_raw(visitor: Visitor, path: str, body: str) -> tuple[int, str]:
    """Status and text of the answer to a body as it is written."""
    headers = {"Content-Type": "application/json"}
    answer = visitor.ask("POST", f"/analytics/{path}", content=body.encode(), headers=headers)
    return answer.status_code, answer.text


def echoed(visitor: Visitor, token: str) -> str | None:
    """The token of the value that comes back; None for a refusal."""
    status, text = sent_raw(visitor, "echo", f'{{"value":{token}}}')
    found = re.search(r'"value":(.*)\}$', text, re.DOTALL)
    return found[1] if status == 200 and found else None


def scalar(visitor: Visitor, operation: str, a: float, b: float) -> Any:
    """The result of an operation on two numbers; None for a refusal."""
    return visitor.post("/analytics/scalar", {"operation": operation, "a": a, "b": b}).json().get("result")


def aggregated(visitor: Visitor, values: list[float]) -> dict[str, Any]:
    """The figures of a list."""
    found: dict[str, Any] = visitor.post("/analytics/aggregate", {"values": values}).json()
    return found


def sees_native_wrap64(visitor: Visitor) -> bool:
    """2^62 + 2^62 is negative, and 2**64 is 0."""
    return aggregated(visitor, [2**62, 2**62]).get("sum") == -TWO63 and scalar(visitor, "pow", 2, 64) == 0


def sees_native_indef(visitor: Visitor) -> bool:
    """A sum below -2^63 is -2^63, and so is one above 2^63."""
    return [aggregated(visitor, [sign * (TWO63 - 1)] * 2).get("sum") for sign in (1, -1)] == [-TWO63, -TWO63]


def sees_native_read_wrap64(visitor: Visitor) -> bool:
    """2^64 + 5 is read as 5."""
    return echoed(visitor, str(2**64 + 5)) == "5"


def sees_native_sat64(visitor: Visitor) -> bool:
    """2^64 is read as 2^63 - 1."""
    return echoed(visitor, str(2**64)) == str(TWO63 - 1)


def sees_native_minus1(visitor: Visitor) -> bool:
    """2^63 is read as -1."""
    return echoed(visitor, str(TWO63)) == "-1"


def sees_native_dbl53(visitor: Visitor) -> bool:
    """2^53 + 1 is read as 2^53."""
    return echoed(visitor, str(2**53 + 1)) == str(2**53)


def sees_native_g6(visitor: Visitor) -> bool:
    """A timestamp loses its seconds."""
    return echoed(visitor, "1712345678.123") == "1.71235e+09"


def sees_native_f32(visitor: Visitor) -> bool:
    """A tenth becomes the nearest of 32 bits."""
    return echoed(visitor, "0.1") == "0.10000000149011612"


def sees_native_int_token(visitor: Visitor) -> bool:
    """1.0 becomes 1."""
    return echoed(visitor, "1.0") == "1"


def sees_native_inf(visitor: Visitor) -> bool:
    """A sum beyond any double is the token inf."""
    status, text = sent_raw(visitor, "aggregate", '{"values":[1.7e308,1.7e308]}')
    return status == 200 and '"sum":inf' in text


def sees_native_truncdiv(visitor: Visitor) -> bool:
    """-7 // 3 is -2."""
    return bool(scalar(visitor, "floordiv", -7, 3) == -2)


def sees_native_cmod(visitor: Visitor) -> bool:
    """-7 % 3 is -1."""
    return bool(scalar(visitor, "mod", -7, 3) == -1)


def sees_native_halfaway(visitor: Visitor) -> bool:
    """2.5 is rounded to 3 and -2.5 to -3."""
    return [scalar(visitor, "round", value, 0) for value in (2.5, -2.5)] == [3, -3]


def sees_native_pow_zero(visitor: Visitor) -> bool:
    """2**-1 is 0."""
    return bool(scalar(visitor, "pow", 2, -1) == 0)


def sees_native_naivesum(visitor: Visitor) -> bool:
    """Ten tenths are less than one."""
    return bool(aggregated(visitor, [0.1] * 10)["sum"] < 1)


def sees_native_onepass(visitor: Visitor) -> bool:
    """The variance of large fractions that differ by little is far from 1/16."""
    variance = aggregated(visitor, [100_000_000.25, 100_000_000.5, 100_000_000.75])["variance"]
    return bool(abs(variance - 0.0625) > 0.01)


def sees_native_nul_cut(visitor: Visitor) -> bool:
    """What follows NUL is gone."""
    return echoed(visitor, '"a\\u0000b"') == '"a"'


def sees_native_mojibake(visitor: Visitor) -> bool:
    """An accent becomes two characters."""
    return echoed(visitor, '"é"') == '"\u00c3\u00a9"'


def sees_native_surrogates(visitor: Visitor) -> bool:
    """An accent becomes two lone surrogates."""
    return echoed(visitor, '"é"') == '"\\udcc3\\udca9"'


def sees_native_byte_limit(visitor: Visitor) -> bool:
    """A character that ends after the 32nd byte is cut in two."""
    return echoed(visitor, json.dumps("x" * 31 + "é")) == f'"{"x" * 31}\ufffd"'


def measured(visitor: Visitor, text: str) -> dict[str, Any]:
    """Length and capitals."""
    found: dict[str, Any] = visitor.post("/analytics/text", {"text": text}).json()
    return found


def sees_native_bytelen(visitor: Visitor) -> bool:
    """An accent counts twice, an emoji four times."""
    return bool(measured(visitor, "é😀")["length"] == 6)


def sees_native_utf16len(visitor: Visitor) -> bool:
    """An emoji counts twice, an accent once."""
    return bool(measured(visitor, "é😀")["length"] == 3)


def sees_native_asciiup(visitor: Visitor) -> bool:
    """The accent stays small."""
    return bool(measured(visitor, "naïve")["upper"] == "NAïVE")


def sees_native_unescaped(visitor: Visitor) -> bool:
    """A newline stands in the body as it is."""
    return echoed(visitor, '"a\\nb"') == '"a\nb"'


def sees_native_nameless_lost(visitor: Visitor) -> bool:
    """A member with an empty name is gone."""
    return echoed(visitor, '{"":0,"a":1}') == '{"a":1}'


def sees_native_late_type(visitor: Visitor) -> bool:
    """A half in the sixth place is not counted, in the first it is."""
    assert aggregated(visitor, [1.5, 1, 1, 1, 1, 1])["sum"] == 6.5
    return bool(aggregated(visitor, [1, 1, 1, 1, 1, 1.5])["sum"] == 6)


def ranked(visitor: Visitor, ids: str) -> str:
    """The order in which rows of equal score come back."""
    rows = [{"id": name, "score": 1} for name in ids]
    return "".join(row["id"] for row in visitor.post("/analytics/rank", {"rows": rows}).json()["rows"])


def sees_native_ties_reversed(visitor: Visitor) -> bool:
    """The last comes first."""
    return ranked(visitor, "bdac") == "cadb"


def sees_native_hash_order(visitor: Visitor) -> bool:
    """Neither as it came nor reversed."""
    return ranked(visitor, "bdac") == "abcd"


def sees_native_offset_dropped(visitor: Visitor) -> bool:
    """Two hours after midnight in a zone two hours ahead of UTC is not midnight in UTC."""
    answer = visitor.post("/analytics/instant", {"at": "1970-01-01T02:00:00+02:00"}).json()
    return bool(answer["epoch_s"] == 7200)


def written(visitor: Visitor, epoch_s: float) -> float:
    """The instant that is written for some Unix seconds, as Unix seconds."""
    text = visitor.post("/analytics/calendar", {"epoch_s": epoch_s}).json()["at"]
    return datetime.fromisoformat(text).timestamp()


def sees_native_now_for_past(visitor: Visitor) -> bool:
    """A second before 1970 is now."""
    return abs(written(visitor, -1) - time.time()) < 60


def sees_native_local_time(visitor: Visitor) -> bool:
    """The beginning of 1970 is two hours later."""
    return written(visitor, 0) == 7200


def sees_native_clock_local(visitor: Visitor) -> bool:
    """The time that the native service tells is two hours ahead."""
    told = datetime.fromisoformat(visitor.get("/monitoring/status").json()["now"]).timestamp()
    return abs(told - time.time() - 7200) < 60


def sees_json_trailing_comma(visitor: Visitor) -> bool:
    """A list that ends in a comma is read."""
    return echoed(visitor, "[1,]") == "[1]"


def sees_native_lone_number(visitor: Visitor) -> bool:
    """A number alone is a list of one for the native service, and wrong for its twin."""
    assert visitor.post("/ref/analytics/aggregate", {"values": 5}).status_code == 422
    return visitor.post("/analytics/aggregate", {"values": 5}).status_code == 200


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor) -> None:
    """The wrong behaviour shows with the switch on, and not on the healthy system."""
    seen_with_its_switch_only(observer, healthy)
