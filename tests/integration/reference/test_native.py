"""The native service: what built it, who may call it, and that its results are Python's, whatever built it."""

import math
import random
import shutil
import statistics
from fractions import Fraction
from typing import Any

import httpx
import pytest

from hybridcheck.reference.native.build import load_kernels
from hybridcheck.reference.native.services import Kernels
from tests.integration.reference.visitor import Visitor, visiting

BUILT, MANIFEST = load_kernels(emulation=False)
PLAIN, _ = load_kernels(emulation=True)
KERNELS = pytest.mark.parametrize(
    "kernels",
    [
        pytest.param(
            BUILT,
            id="built",
            marks=pytest.mark.skipif(MANIFEST["runtime"] == "emulation", reason="neither codon nor cc on this machine"),
        ),
        pytest.param(PLAIN, id="plain"),
    ],
)
WHOLE = [0, 1, -1, 2, 3, -7, 7, 10, 64, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), -(2**63) + 1]
REAL = [0.1, 1.0, -1.0, 1.5, -1.5, 6.0, 2.5, -2.5, 1e308, 5e-324, -7.0, 3.0, 2.675, 4.35, 0.125, 1.15, -0.0, 0.0]


def test_manifest_says_what_built_the_kernels(healthy: Visitor) -> None:
    """The route tells runtime, compiler and source; nothing is called Codon unless a Codon compiler is there."""
    manifest = httpx.get(f"{healthy.system.native_url}/__runtime", trust_env=False).json()
    assert manifest.keys() == {"runtime", "compiler", "version", "flags", "source_sha256"}
    assert manifest == MANIFEST
    if shutil.which("codon") is None:
        assert manifest["runtime"] == ("native-standin (C)" if shutil.which("cc") else "emulation")
        assert "codon" not in str(manifest).lower()


def test_emulation_is_called_emulation() -> None:
    """Without a compiler the same service answers, and says so."""
    with visiting(native_emulation=True) as visitor:
        assert visitor.get("/monitoring/status").json()["runtime"] == "emulation"
        assert visitor.post("/analytics/aggregate", {"values": [1, 2, 6]}).json()["mean"] == 3


def test_only_the_gateway_may_call(healthy: Visitor) -> None:
    """Without the gateway's key there is no answer; a user's token is no key; the tenant is the gateway's to say."""
    url, key = healthy.system.native_url, {"X-Gateway-Key": healthy.system.gateway_key}
    for headers in ({}, {"X-Gateway-Key": "wrong"}, {"Authorization": f"Bearer {healthy.token()}"}):
        assert healthy.http.post(f"{url}/analytics/text", json={"text": "x"}, headers=headers).status_code == 401
    direct = healthy.http.post(f"{url}/analytics/text", json={"text": "x"}, headers=key | {"X-Tenant-Id": "t9"})
    parts = {"prefix": "x", "stripped": "x", "decimal": False}
    assert direct.json() == {"tenant": "t9", "length": 1, "upper": "X", **parts}
    spoofed = healthy.post("/analytics/text", {"text": "x"}, "bob", headers={"X-Tenant-Id": "t1"})
    assert spoofed.json()["tenant"] == "t2"
    assert healthy.http.get(f"{url}/openapi.json").json()["openapi"] == "3.1.0"
    assert "http_requests_total" in healthy.http.get(f"{url}/metrics").text


@pytest.mark.parametrize(
    "path, body",
    [
        ("/analytics/aggregate", {"values": [2**62, 2**62]}),
        ("/analytics/aggregate", {"values": [2**63]}),
        ("/analytics/aggregate", {"values": [1e308, 1e308]}),
        ("/analytics/aggregate", {"values": [10**400, 1.5]}),
        ("/analytics/scalar", {"operation": "floordiv", "a": 1, "b": 0}),
        ("/analytics/scalar", {"operation": "mod", "a": 1.5, "b": 0.0}),
        ("/analytics/scalar", {"operation": "floordiv", "a": -(2**63), "b": -1}),
        ("/analytics/scalar", {"operation": "pow", "a": 10, "b": 400}),
        ("/analytics/scalar", {"operation": "pow", "a": 0, "b": -1}),
        ("/analytics/scalar", {"operation": "pow", "a": -8, "b": 0.5}),
        ("/analytics/scalar", {"operation": "round", "a": 1.5, "b": 99}),
        ("/detection/score", {"values": [1e308, -1e308]}),
        ("/monitoring/rate", {"samples": [{"at_s": 1, "value": 1}, {"at_s": 1, "value": 2}]}),
    ],
)
def test_impossible_results_are_422_and_survived(healthy: Visitor, path: str, body: Any) -> None:
    """No result that cannot be represented: 422 from the service and from its twin, and both live on."""
    for prefix in ("", "/ref"):
        answer = healthy.post(prefix + path, body)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert healthy.get("/health/ready", None).status_code == 200


def test_twin_agrees(healthy: Visitor) -> None:
    """Native route and CPython twin give equal tokens for whole numbers and equal results within rounding else."""
    draw = random.Random(7)
    for path, body in (
        ("/analytics/aggregate", {"values": [draw.randint(-(10**6), 10**6) for _ in range(501)]}),
        ("/analytics/text", {"text": "naïve café ☕ straße ﬁ 😀 e\u0301 a\u0000b"}),
        ("/analytics/scalar", {"operation": "mod", "a": -7, "b": 3}),
        ("/monitoring/percentiles", {"values": [draw.random() for _ in range(99)], "ranks": [1, 50, 95, 100]}),
    ):
        native, twin = healthy.post(path, body).json(), healthy.post(f"/ref{path}", body).json()
        for name in ("mean", "variance"):
            assert native.pop(name, 0) == pytest.approx(twin.pop(name, 0), rel=1e-12)
        assert native == twin


def _outcome(call: Any) -> str:
    try:
        found = call()
    except ArithmeticError:
        return "refused"
    except ValueError:  # math.pow outside its domain
        return "refused"
    return "refused" if isinstance(found, float) and not math.isfinite(found) else repr(found)


@KERNELS
@pytest.mark.parametrize("operation", ["floordiv", "mod", "pow"])
def test_integer_operations_follow_python(kernels: Kernels, operation: str) -> None:
    """Floored division and its remainder; what 64 bits do not hold is refused."""

    def expected(a: int, b: int) -> int:
        found = a // b if operation == "floordiv" else a % b if operation == "mod" else int(a**b)
        if not -(2**63) <= found < 2**63:
            raise OverflowError
        return found

    for a in WHOLE:
        for b in WHOLE:
            if operation != "pow" or b >= 0:
                if operation == "pow" and b > 70:
                    continue
                assert _outcome(lambda a=a, b=b: kernels.integer_operation(operation, a, b)) == _outcome(
                    lambda a=a, b=b: expected(a, b)
                ), (a, b)


@KERNELS
def test_float_operations_follow_python(kernels: Kernels) -> None:
    """Division, remainder, power and half-even rounding give CPython's results to the last bit."""
    draw = random.Random(3)
    for a in [*REAL, *(draw.uniform(-100, 100) for _ in range(30))]:
        for b in REAL:
            for operation, expected in (
                ("floordiv", lambda a, b: a // b),
                ("mod", lambda a, b: a % b),
                ("pow", math.pow),
            ):
                found = _outcome(lambda a=a, b=b, o=operation: kernels.float_operation(o, a, b))
                assert found == _outcome(lambda a=a, b=b, e=expected: e(a, b)), (operation, a, b)
        for digits in range(16):
            assert repr(kernels.float_operation("round", a, float(digits))) == repr(round(a, digits)), (a, digits)


@KERNELS
def test_sums_and_moments_are_accurate(kernels: Kernels) -> None:
    """Against exact arithmetic; also with a large offset and with cancellation."""
    draw = random.Random(5)
    assert kernels.sum_floats([1e16, 1.0, -1e16]) == 1.0
    assert kernels.sum_floats([0.1] * 10) == pytest.approx(1.0, abs=1e-15)
    assert kernels.moments([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]) == (1e9 + 10, 90.0)
    for _ in range(50):
        values = [draw.gauss(1e6, 2) for _ in range(draw.randint(2, 200))]
        mean, squares = kernels.moments(values)
        assert mean == pytest.approx(float(sum(map(Fraction, values)) / len(values)), rel=1e-15)
        assert squares / (len(values) - 1) == pytest.approx(statistics.variance(values), rel=1e-9)
        assert kernels.sort_floats(values) == sorted(values)


@KERNELS
def test_scores_rates_and_text(kernels: Kernels) -> None:
    """Known answers: no spread, one outlier, a counter that restarts, nearest ranks, code points."""
    assert kernels.zscores([5.0, 5.0, 5.0]) == [0.0, 0.0, 0.0]
    assert kernels.zscores([1.0, 3.0]) == [-1.0, 1.0]
    assert kernels.ewma_scores([1.0, 3.0, 3.0], 0.5) == pytest.approx([0.0, 0.0, 1.0])
    assert kernels.counter_increase([10.0, 30.0, 5.0]) == 25.0
    assert [kernels.percentile([1.0, 2.0, 3.0, 4.0], rank) for rank in (1, 25, 26, 50, 99, 100)] == [1, 1, 2, 2, 4, 4]
    assert [kernels.text_length(text) for text in ("", "naïve café ☕", "😀", "e\u0301", "a\0b")] == [0, 12, 1, 2, 3]
    assert kernels.sort_integers([3, -1, 2**62]) == [-1, 3, 2**62]
    with pytest.raises(OverflowError):
        kernels.sum_integers([2**63])
    with pytest.raises(OverflowError):
        kernels.moments([1e308, -1e308])
