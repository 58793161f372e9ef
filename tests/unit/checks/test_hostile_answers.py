"""Answers made to break a judge: numbers that no double holds, digits that are none, nesting, documents of other shapes."""

import asyncio
import json
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.boundary.crossing import number_in
from hybridcheck.checks.boundary.decisions import PartitionsAgree
from hybridcheck.checks.boundary.schemas import SchemasAgree
from hybridcheck.checks.boundary.time_limits import DeadlineKept
from hybridcheck.checks.operations import MOST_LEVELS, complaint_about, json_body, schema_complaint
from hybridcheck.checks.protocol.dialect import QueryDecoded
from hybridcheck.checks.protocol.travelling import BodyLadder
from hybridcheck.checks.survival import Fate, fate, look_after, look_before
from hybridcheck.checks.text.parts import StripRules
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Expect
from hybridcheck.statistics.closeness import same
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of

HUGE = 10**400
JSON = {"Content-Type": "application/json"}
TEXTS: dict[str, Any] = {
    "operations": [{"id": "text", "method": "POST", "path": "/text", "safe": True, "body": {"text": ""}}],
    "probes": {"text": {"operation": "text", "in": "$.text", "out": {"stripped": "$.stripped"}}},
}
ECHOING: dict[str, Any] = {
    "operations": [
        {"id": "echo", "method": "POST", "path": "/echo", "safe": True, "body": {"value": ""}},
        {"id": "find", "path": "/find"},
    ],
    "probes": {
        "roundtrip": {"operation": "echo", "types": ["text"]},
        "query": {"operation": "find", "parameter": "text", "out": "$.text"},
    },
}
DESCRIBED: dict[str, Any] = {
    "openapi": "/openapi.json",
    "services": {
        "gate": {"operations": [{"id": "a", "path": "/a"}]},
        "native": {"direct_url": "http://127.0.0.1:9", "openapi": "/openapi.json"},
    },
    "boundaries": {"b": {"caller": "gate", "callee": "native", "routes": [{"public": "a", "native": "/a"}]}},
}


def answered(body: str) -> Exchange:
    """An exchange whose answer has that body."""
    target = FakeTarget(lambda _: (200, JSON, body))
    return asyncio.run(target.read("probe", Ask("GET", "/")))


@pytest.mark.parametrize("text", [str(HUGE), f"-{HUGE}", "1e999", "true", '"1"', "null"])
def test_what_no_double_holds_is_no_number(text: str) -> None:
    """An integer of 400 digits and an infinite number are no reading of a gauge, and break nothing."""
    assert number_in(answered(f'{{"n": {text}}}'), "$.n") is None


def test_integers_beyond_doubles_are_compared() -> None:
    """Within a tolerance nothing is near an integer of 400 digits; a multiple of 0.1 it is not either."""
    assert not same(HUGE, 1.5, 0.1)
    assert schema_complaint(HUGE, {"multipleOf": 0.1})


@pytest.mark.parametrize("uptime", [HUGE, -HUGE])
def test_an_uptime_beyond_doubles_is_no_sign_of_life(uptime: int) -> None:
    """Neither before nor after: the looks say nothing."""
    watch = {"service": "native", "path": "/health", "uptime_s": "$.uptime_s"}
    documents = iter([{"uptime_s": 5.0}, *[{"uptime_s": uptime}] * 6])
    target = FakeTarget(lambda _: (200, {}, next(documents)))

    async def looks() -> None:
        await look_before(target, watch)
        await look_after(target, watch)

    asyncio.run(looks())
    with pytest.raises(Undecided) as caught:
        fate(watch, Evidence(tuple(target.records), {}))
    assert caught.value.reason is Reason.SUSPECTED


def test_a_start_beyond_doubles_is_only_compared() -> None:
    """Two starts that are no instants: another one is another process."""
    watch = {"service": "native", "path": "/health", "started_at": "$.started_at"}
    documents = iter([*[{"started_at": 5}] * 3, {"started_at": HUGE}])
    target = FakeTarget(lambda _: (200, {}, next(documents)))

    async def looks() -> None:
        await look_before(target, watch)
        await look_after(target, watch)

    asyncio.run(looks())
    assert fate(watch, Evidence(tuple(target.records), {})) is Fate.RESTARTED


def test_digits_of_other_kinds_are_no_deadline() -> None:
    """`²` is a digit to Python and no number: the callee was told none."""
    profile: dict[str, Any] = {
        "services": {
            "gate": {"operations": [{"id": "front", "path": "/front"}]},
            "native": {
                "operations": [
                    {"id": "slow", "method": "POST", "path": "/slow", "safe": True, "body": {"ms": 1}},
                    {"id": "seen", "path": "/seen"},
                ]
            },
        },
        "boundaries": {
            "b": {
                "caller": "gate",
                "callee": "native",
                "routes": [{"public": "slow"}],
                "headers": {"deadline_ms": "X-Left"},
            }
        },
        "probes": {"slow": {"operation": "slow", "in": "$.ms"}, "headers": {"operation": "seen", "out": "$.headers"}},
    }

    def answering(ask: Ask) -> Answer:
        if ask.path == "/seen":
            return 200, {}, {"headers": {"x-left": "²"}}
        return (200, {}, {}) if json.loads(ask.body or b"{}")["ms"] == 1 else (504, {}, {})

    finding = finding_of(DeadlineKept(), profile, FakeTarget(answering))
    assert finding.outcome is Outcome.FAIL
    assert "X-Left: ²" in finding.observed


@pytest.mark.parametrize(
    "paths",
    [{"/a": []}, {"/a": {"get": None}}, {"/a": {"get": {"responses": {"200": {"content": {"application/json": []}}}}}}],
)
def test_documents_of_another_shape_describe_nothing(paths: Any) -> None:
    """A list where OpenAPI has an object is no description."""
    finding = finding_of(SchemasAgree(), DESCRIBED, FakeTarget(lambda _: (200, {}, {"paths": paths})))
    assert finding.reason is Reason.NO_TEST_DATA


def test_schemas_of_too_many_levels_or_steps_are_not_compared() -> None:
    """A chain of references beyond the tester's stack, and a schema that is only cut in another place on each side."""

    def described(schemas: dict[str, Any], ask: Ask) -> Answer:
        schema = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
        paths = {"/a": {"get": {"responses": {"200": schema}}}}
        return 200, {}, {"side": ask.via, "paths": paths, "components": {"schemas": schemas}}

    chain = {f"S{i}": {"items": {"$ref": f"#/components/schemas/S{i + 1}"}} for i in range(1500)}
    many = {f"p{i:05d}": {"type": "string"} for i in range(11_000)}

    def cut(ask: Ask) -> Answer:
        extra = {"S0": {"properties": {**many, "p99999": {"title": "here" if ask.via else "there"}}}}
        return described(extra if ask.via else {"S0": {"properties": dict(reversed(many.items()))}}, ask)

    for answering in (lambda ask: described(chain, ask), cut):
        finding = finding_of(SchemasAgree(), DESCRIBED, FakeTarget(answering))
        assert finding.reason is Reason.NO_TEST_DATA, finding


@pytest.mark.parametrize("value", ["[" * 400 + "]" * 400, "1" * 5000])
def test_a_value_that_cannot_be_held_is_a_wrong_one(value: str) -> None:
    """Levels and digits beyond the tester's own limits: the control is not answered right, so the case says nothing."""
    finding = finding_of(StripRules(), TEXTS, FakeTarget(lambda _: (200, JSON, f'{{"stripped": {value}}}')))
    assert finding.reason is Reason.NO_TEST_DATA


@pytest.mark.parametrize("check", [BodyLadder(), QueryDecoded()])
def test_nesting_without_end_is_no_document(check: Any) -> None:
    """A body that no reader can hold: the control is not right."""
    finding = finding_of(check, ECHOING, FakeTarget(lambda _: (200, JSON, "[" * 5000 + "]" * 5000)))
    assert finding.reason is Reason.NO_TEST_DATA


def test_a_shard_that_is_nested_is_no_shard() -> None:
    """The control of a pair whose answers are lists in lists says nothing."""
    profile: dict[str, Any] = {
        "operations": [
            {"id": name, "method": "POST", "path": f"/{name}", "safe": True, "body": {"key": ""}}
            for name in ("outer", "inner")
        ],
        "probes": {"partition": {"gateway": {"operation": "outer"}, "native": {"operation": "inner"}, "shards": 4}},
    }
    answer = '{"shard": ' + "[" * 400 + "]" * 400 + "}"
    finding = finding_of(PartitionsAgree(), profile, FakeTarget(lambda _: (200, JSON, answer)))
    assert finding.reason is Reason.NO_TEST_DATA


def test_levels_beyond_the_testers_stack_are_a_complaint() -> None:
    """A recursive schema and a declared value meet 400 levels: said as a complaint, and nothing breaks."""
    deep = answered("[" * 400 + "]" * 400)
    schema = {"$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}
    for expect in (Expect.model_validate({"schema": schema}), Expect.model_validate({"values": {"$[0]": [[[]]]}})):
        assert "nested more than" in (complaint_about(deep, expect) or "")
    fits = "[" * MOST_LEVELS + "]" * MOST_LEVELS
    assert complaint_about(answered(fits), Expect.model_validate({"schema": schema})) is None
    assert json_body(answered("7")) == 7
