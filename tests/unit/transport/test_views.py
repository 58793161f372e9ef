"""The views implement the target protocols; mypy checks the assignments, the tests what they do."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from hybridcheck.cases import Json
from hybridcheck.errors import ToolError
from hybridcheck.evidence import Exchange, GapReason, Observation, Record
from hybridcheck.ledger import Ledger
from hybridcheck.target import AbuseTarget, Ask, EvidenceLost, LoadTarget, ReadTarget, WriteTarget
from hybridcheck.transport.read_view import ReadView
from hybridcheck.transport.views import AbuseView, LoadView, WriteView
from tests.unit.transport.stage import profile_of, stage_of


def as_targets(r: ReadView, w: WriteView, v: LoadView, a: AbuseView) -> tuple[ReadTarget, WriteTarget, LoadTarget]:
    """Compiles only where each view implements the protocol of its class."""
    abuse: AbuseTarget = a
    assert abuse is not None
    return r, w, v


def ok(request: httpx.Request) -> httpx.Response:
    """Answers everything."""
    return httpx.Response(200, json={"status": "ok"})


async def test_a_load_goes_to_the_driver_that_the_gate_gave(tmp_path: Path) -> None:
    """And is a gap where there is none."""
    driven: list[tuple[str, dict[str, Json]]] = []

    async def driver(stream: str, plan: dict[str, Json]) -> None:
        driven.append((stream, plan))

    await stage_of(tmp_path, ok, driver=driver).load().drive("load/burst", {"rate_rps": 5})
    assert driven == [("load/burst", {"rate_rps": 5})]
    stage = stage_of(tmp_path, ok)
    with pytest.raises(EvidenceLost) as lost:
        await stage.load().drive("load/burst", {})
    assert lost.value.reason is GapReason.NOT_SUPPORTED_HERE
    assert len(stage.gaps()) == 1


def test_an_observation_is_recorded_under_the_case(tmp_path: Path) -> None:
    """With its time."""
    stage = stage_of(tmp_path, ok)
    stage.read().observe("build", {"version": "1.2"})
    (record,) = stage.records
    assert isinstance(record, Observation)
    assert (record.label, record.values, record.stream) == ("build", {"version": "1.2"}, "a.check[subject]")
    assert record.at_s >= 0


async def test_an_unknown_stream_protocol_is_our_fault(tmp_path: Path) -> None:
    """And recorded as such."""
    stage = stage_of(tmp_path, ok)
    with pytest.raises(EvidenceLost) as lost:
        await stage.read().listen("s", Ask("GET", "/"), protocol="gopher", most_events=1, most_s=1)
    assert lost.value.reason is GapReason.TOOL_FAULT


async def test_events_are_heard_through_the_seam(tmp_path: Path) -> None:
    """An event stream that the transport plays; the record is redacted like any other."""

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["last-event-id"] == "4"
        body = b"id: 5\ndata: my-long-secret-value\n\n"
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=body)

    stage = stage_of(tmp_path, handler)
    stage.redactor.learn("my-long-secret-value")
    ask = Ask("GET", "/events", headers=(("Last-Event-ID", "4"),))
    record = await stage.read().listen("s", ask, protocol="sse", most_events=5, most_s=5)
    assert [(event.id, event.data) for event in record.events] == [("5", "my-long-secret-value")]
    assert record.ended == "by_target"
    assert b"my-long-secret-value" not in stage.ledger_path.read_bytes()


async def test_a_ledger_that_cannot_be_written_stops_the_case_as_a_tool_error(tmp_path: Path) -> None:
    """There is nowhere to record a gap: the error goes up."""
    stage = stage_of(tmp_path, ok)
    ledger: Ledger = stage.session._means.ledger
    ledger.close()
    with pytest.raises(ToolError):
        await stage.read().read("r", Ask("GET", "/"))


@pytest.mark.parametrize(
    "body, kept",
    [(b'{"a": 1}', {"text": '{"a": 1}'}), (b"\xff\xfe", {"base64": "//4="}), (b"", {"text": ""})],
)
async def test_bodies_are_kept_as_text_or_base64(tmp_path: Path, body: bytes, kept: dict[str, Any]) -> None:
    """Both of the request and of the response; the bytes come back the same."""
    operation = {"id": "echo", "method": "POST", "path": "/echo", "safe": True}
    stage = stage_of(
        tmp_path,
        lambda request: httpx.Response(200, content=request.content),
        profile=profile_of(operations=[operation]),
    )
    await stage.read().read("r", Ask("POST", "/echo", body=body, operation="echo"))
    (line,) = [json.loads(line) for line in stage.ledger_path.read_bytes().splitlines()]
    for message in (line["request"], line["response"]):
        assert {name: value for name, value in message["body"].items() if name in kept} == kept
    (exchange,) = stage.exchanges()
    assert exchange.response is not None
    assert exchange.response.body.content() == body


@pytest.mark.parametrize("name", ["fresh", "shared"])
async def test_what_a_read_returns_is_what_the_ledger_numbered(tmp_path: Path, name: str) -> None:
    """The returned exchange carries its number and stream; `fresh` makes no difference to what is recorded."""
    stage = stage_of(tmp_path, ok)
    found: list[Record] = [await stage.read().read("r", Ask("GET", "/", fresh=name == "fresh")) for _ in range(2)]
    assert [record.n for record in found] == [0, 1]
    assert all(isinstance(record, Exchange) for record in stage.records)
