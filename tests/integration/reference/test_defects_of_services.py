"""Each defect of dashboards, streams, native service and boundary is seen with its switch on, and not with it off."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from tests.integration.reference.visitor import Observer, Visitor, seen_with_its_switch_only, visiting

AGGREGATE = "/analytics/aggregate"
SERIES = [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 60]


def sees_dashboard_empty_data(visitor: Visitor) -> bool:
    """A panel has no points."""
    panels = visitor.get("/dashboards/overview").json()["panels"]
    return any(not panel["points"] for panel in panels)


def sees_dashboard_stale(visitor: Visitor) -> bool:
    """A dashboard was generated long ago."""
    stamp = visitor.get("/dashboards/overview").json()["generated_at"]
    return datetime.now(UTC) - datetime.fromisoformat(stamp) > timedelta(minutes=1)


def sees_sse_buffered(visitor: Visitor) -> bool:
    """Events that happen over 400 ms arrive within a moment."""

    def buffered() -> bool:
        heard = visitor.events("count=5&interval_ms=100")
        assert heard.sent_at[-1] - heard.sent_at[0] > 0.35
        return heard.received_at[-1] - heard.received_at[0] < 0.1

    return all(buffered() for _ in range(3))  # once this process may have been kept from reading


def sees_sse_out_of_order(visitor: Visitor) -> bool:
    """Events arrive in another order than that of their numbers."""
    heard = visitor.events("count=7&interval_ms=1").sequence
    assert sorted(heard) == list(range(1, 8))
    return heard != sorted(heard)


def sees_sse_no_resume(visitor: Visitor) -> bool:
    """After Last-Event-ID the stream starts from the beginning."""
    heard = visitor.events("count=5&interval_ms=1", **{"Last-Event-ID": "3"}).sequence
    assert heard[-1] == 5
    return heard[0] == 1


def sees_sse_no_clean_end(visitor: Visitor) -> bool:
    """The stream breaks off."""
    heard = visitor.events("count=3&interval_ms=1")
    assert heard.sequence == [1, 2, 3]
    return heard.cut_off and not heard.ended


def sees_ws_lossy(visitor: Visitor) -> bool:
    """Messages are missing."""
    messages = visitor.messages("count=15&interval_ms=1")
    assert messages[-1] == {"type": "end"}
    return [message["sequence"] for message in messages[:-1]] != list(range(1, 16))


def sees_stream_delayed(visitor: Visitor) -> bool:
    """Events arrive more than 2 s after they happened."""

    def delayed() -> bool:
        heard = visitor.events("count=5&interval_ms=10")
        delays = [at - sent for at, sent in zip(heard.received_at, heard.sent_at, strict=True)]
        assert len(delays) == 5
        return min(delays) > 2

    return all(delayed() for _ in range(2))  # once this process may have been kept from reading


def sees_stream_failure_hidden(visitor: Visitor) -> bool:
    """A stream that fails after its third event ends well, over both protocols."""
    query = "count=5&interval_ms=1&fail_after=3"
    heard = visitor.events(query)
    assert heard.sequence == [1, 2, 3]
    try:
        ended = bool(visitor.messages(query))
    except ConnectionClosedError as closed:
        ended = closed.rcvd is None or closed.rcvd.code != 1011
    assert heard.ended == ended != heard.cut_off
    return ended


def sees_sse_anonymous(visitor: Visitor) -> bool:
    """Events are served to nobody."""
    return visitor.get("/stream/events?count=1", None).status_code == 200


def sees_ws_anonymous(visitor: Visitor) -> bool:
    """A WebSocket is opened for nobody."""
    with (
        suppress(InvalidStatus),
        connect(visitor.system.base_url.replace("http", "ws") + "/stream/ws?count=1") as socket,
    ):
        return bool(socket.recv())
    return False


def sees_ws_dirty_close(visitor: Visitor) -> bool:
    """After all messages the WebSocket is closed with an error code."""
    url = visitor.system.base_url.replace("http", "ws") + "/stream/ws?count=2&interval_ms=1"
    with connect(url, additional_headers={"Authorization": f"Bearer {visitor.token()}"}) as socket:
        try:
            assert len(list(socket)) == 3
        except ConnectionClosedError as closed:
            return closed.rcvd is not None and closed.rcvd.code == 1011
    return False


def sees_native_differs(visitor: Visitor) -> bool:
    """The native service and its CPython twin sort differently."""
    found = [visitor.post(path, {"values": [2, 9, 4]}).json() for path in (AGGREGATE, f"/ref{AGGREGATE}")]
    assert found[1]["sorted"] == [2, 4, 9]
    return bool(found[0]["sorted"] != found[1]["sorted"])


def sees_runtime_untrue(visitor: Visitor) -> bool:
    """The status of the native service names another runtime than the service started with."""
    said = visitor.get("/monitoring/status").json()["runtime"]
    return bool(said.split()[0] != visitor.system.environment()["REFERENCE_RUNTIME"])


def sees_trace_dropped(visitor: Visitor) -> bool:
    """The trace id of the caller does not come back."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = visitor.get("/health", None, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    return answer.headers["x-trace-id"] != trace


def _aggregate(visitor: Visitor, path: str = AGGREGATE) -> dict[str, float]:
    result: dict[str, float] = visitor.post(path, {"values": [2, 4, 9]}).json()
    return result


def sees_analytics_wrong_mean(visitor: Visitor) -> bool:
    """The mean of 2, 4, 9 is not 5, as the CPython twin says it is."""
    assert _aggregate(visitor, "/ref/analytics/aggregate")["mean"] == 5
    return _aggregate(visitor)["mean"] != 5


def sees_analytics_nondeterministic(visitor: Visitor) -> bool:
    """Equal requests give different results."""
    return len({json.dumps(_aggregate(visitor)) for _ in range(5)}) > 1


def sees_nan_in_json(visitor: Visitor) -> bool:
    """The body has a token that is not JSON."""
    return "NaN" in visitor.post("/analytics/aggregate", {"values": [1, 2]}).text


def sees_detection_wrong_labels(visitor: Visitor) -> bool:
    """The outlier is normal and the rest is not."""
    scores = visitor.post("/detection/score", {"values": SERIES}).json()["scores"]
    return bool(scores[-1]["label"] == "normal" and scores[0]["label"] == "anomaly")


def sees_detection_ignores_input(visitor: Visitor) -> bool:
    """Two different series get the same scores."""
    found = [visitor.post("/detection/score", {"values": values}).json()["scores"] for values in (SERIES, SERIES[::-1])]
    return [point["score"] for point in found[0]] == [point["score"] for point in found[1]]


def sees_monitoring_negative_rate(visitor: Visitor) -> bool:
    """A growing counter has a negative rate."""
    samples = [{"at_s": 0, "value": 1}, {"at_s": 5, "value": 11}]
    rate = visitor.post("/monitoring/rate", {"samples": samples}).json()["rate_per_s"]
    assert abs(rate) == 2
    return bool(rate < 0)


def sees_native_error_as_200(visitor: Visitor) -> bool:
    """What the native service refuses comes back as a success."""
    answer = visitor.post("/analytics/scalar", {"operation": "mod", "a": 1, "b": 0})
    assert "division by zero" in answer.text
    return answer.status_code == 200


def test_native_down_500() -> None:
    """With the native service down the gateway answers 503 with Retry-After, or 500 with `native-down-500` on."""
    statuses = {}
    for defects in ([], ["native-down-500"]):
        with visiting(*defects) as visitor:
            visitor.system.stop_native()
            answer = visitor.post("/analytics/text", {"text": "x"})
            statuses[bool(defects)] = answer.status_code, "retry-after" in answer.headers
            assert visitor.get("/api/datasets").status_code == 200
            assert visitor.get("/health/ready", None).status_code == 503
    assert statuses == {False: (503, True), True: (500, False)}


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor) -> None:
    """The wrong behaviour shows with the switch on, and not on the healthy system."""
    seen_with_its_switch_only(observer, healthy)
