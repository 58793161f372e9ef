"""The JSON Schemas of the public API, as components of its OpenAPI document."""

from hybridcheck.reference.context_schemas import CONTEXT_SCHEMAS
from hybridcheck.reference.schema_check import Schema
from hybridcheck.reference.wire_schemas import SCHEMAS as WIRE_SCHEMAS

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_STAMP: Schema = {"type": "string", "format": "date-time"}
_VALUES: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 10_000}


def _closed(required: list[str], **properties: Schema) -> Schema:
    """A request: members that are not listed are refused."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _open(**properties: Schema) -> Schema:
    """An answer: all listed members are there, others may come later."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(component: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{component}"}}


SCHEMAS: dict[str, Schema] = {
    "Problem": _open(
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail=_TEXT,
        trace_id={"type": "string", "pattern": "^[0-9a-f]{32}$"},
    ),
    "Index": _open(name=_TEXT, documentation=_TEXT),
    "OpenApi": _open(openapi=_TEXT, info={"type": "object"}, paths={"type": "object"}),
    "Health": _open(status={"type": "string", "enum": ["alive"]}, build=_TEXT, started_at=_STAMP),
    "Readiness": _open(status={"type": "string", "enum": ["ready"]}, dependencies={"type": "object"}),
    "Exposition": _TEXT,
    "Login": _closed(
        ["username", "password"],
        username={"type": "string", "minLength": 1, "maxLength": 100},
        password={"type": "string", "minLength": 1, "maxLength": 200},
    ),
    "Refresh": _closed([], refresh_token={"type": "string", "minLength": 1, "maxLength": 4096}),
    "Tokens": _open(
        access_token=_TEXT,
        token_type={"type": "string", "enum": ["Bearer"]},
        expires_in={"type": "integer", "minimum": 1},
        refresh_token=_TEXT,
    ),
    "Whoami": _open(username=_TEXT, role={"type": "string", "enum": ["user", "admin"]}, tenant=_TEXT),
    "Users": _open(items=_list("Whoami")),
    "DatasetContent": _closed(
        ["name", "values"],
        name={"type": "string", "minLength": 1, "maxLength": 100},
        description={"type": "string", "maxLength": 1000},
        values=_VALUES,
    ),
    "Dataset": _open(
        id=_TEXT,
        name=_TEXT,
        description=_TEXT,
        values=_VALUES,
        owner=_TEXT,
        tenant=_TEXT,
        created_at=_STAMP,
        updated_at=_STAMP,
        revision={"type": "integer", "minimum": 1},
    ),
    "DatasetPage": _open(items=_list("Dataset"), total=_COUNT, limit=_COUNT, offset=_COUNT),
    "DashboardList": _open(items={"type": "array", "minItems": 1, "items": _open(id=_TEXT, title=_TEXT)}),
    "Point": _open(at=_STAMP, value=_NUMBER),
    "Panel": _open(
        id=_TEXT,
        title=_TEXT,
        unit=_TEXT,
        points=_list("Point"),
    ),
    "Dashboard": _open(id=_TEXT, title=_TEXT, generated_at=_STAMP, panels=_list("Panel")),
    "EventStream": _TEXT,
    "GraphQuery": _closed(
        ["query"],
        query={
            "type": "string",
            "minLength": 1,
            "maxLength": 10_000,
            "examples": ["{ me { username datasetCount } }"],
        },
        variables={"type": "object"},
        operationName=_TEXT,
    ),
    "GraphAnswer": {
        "type": "object",
        "properties": {"data": {"type": ["object", "null"]}, "errors": {"type": "array", "items": {"type": "object"}}},
    },
    "Values": _closed(["values"], values=_VALUES),
    "Aggregate": _open(
        tenant=_TEXT,
        count=_COUNT,
        sum=_NUMBER,
        mean=_NUMBER,
        variance={"type": ["number", "null"]},
        median=_NUMBER,
        minimum=_NUMBER,
        maximum=_NUMBER,
        sorted={"type": "array", "items": _NUMBER},
    ),
    "ScalarOperation": _closed(
        ["operation", "a", "b"],
        operation={"type": "string", "enum": ["floordiv", "mod", "pow", "round", "shift", "truncate"]},
        a=_NUMBER,
        b=_NUMBER,
    ),
    "Scalar": _open(tenant=_TEXT, result=_NUMBER),
    "Text": _closed(
        ["text"],
        text={"type": "string", "maxLength": 10_000},
        limit={"type": "integer", "minimum": 0, "maximum": 10_000},
    ),
    "TextFacts": _open(
        tenant=_TEXT, length=_COUNT, upper=_TEXT, prefix=_TEXT, stripped=_TEXT, decimal={"type": "boolean"}
    ),
    "PartitionKey": _closed(["key"], key={"type": "string", "maxLength": 1000}),
    "Partition": _open(tenant=_TEXT, key=_TEXT, shard=_COUNT),
    "AccountText": _closed(["text"], text={"type": "string", "maxLength": 1000}),
    "Validity": _open(tenant=_TEXT, valid={"type": "boolean"}),
    "Bytes": _TEXT,
    "Echo": _closed(["value"], value={}),
    "Echoed": _open(tenant=_TEXT, value={}),
    "Ranking": _closed(
        ["rows"], rows={"type": "array", "maxItems": 10_000, "items": _closed(["id", "score"], id=_TEXT, score=_NUMBER)}
    ),
    "Ranked": _open(tenant=_TEXT, rows={"type": "array", "items": _open(id=_TEXT, score=_NUMBER)}),
    "IsoInstant": _closed(["at"], at={"type": "string", "maxLength": 64, "examples": ["2026-01-01T00:00:00Z"]}),
    "Epoch": _closed(["epoch_s"], epoch_s=_NUMBER),
    "Instant": _open(tenant=_TEXT, at=_STAMP, epoch_s=_NUMBER),
    "Workload": _closed(
        ["size"],
        size={"type": "integer", "minimum": 1, "maximum": 100_000_000},
        seed={"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    ),
    "Computed": _open(tenant=_TEXT, size=_COUNT, checksum=_COUNT),
    "DetectorContent": _closed([], threshold={"type": "number", "exclusiveMinimum": 0, "maximum": 1000}),
    "Detector": _open(
        id=_TEXT,
        dataset=_TEXT,
        threshold=_NUMBER,
        state={"type": "string", "enum": ["new", "queued", "running", "done", "failed"]},
    ),
    "Detections": _open(
        detector=_TEXT,
        dataset=_TEXT,
        count=_COUNT,
        anomalies=_COUNT,
        mean=_NUMBER,
        labels={"type": "array", "items": {"type": "string", "enum": ["normal", "anomaly"]}},
    ),
    "DetectionInput": _closed(
        ["values"],
        values=_VALUES,
        method={"type": "string", "enum": ["zscore", "ewma"]},
        threshold={"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
        alpha={"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    ),
    "Score": _open(index=_COUNT, value=_NUMBER, score=_NUMBER, label={"type": "string", "enum": ["normal", "anomaly"]}),
    "Detection": _open(tenant=_TEXT, method=_TEXT, threshold=_NUMBER, anomalies=_COUNT, scores=_list("Score")),
    "PercentileInput": _closed(
        ["values", "ranks"],
        values=_VALUES,
        ranks={
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
        },
    ),
    "Percentiles": _open(
        tenant=_TEXT, count=_COUNT, percentiles={"type": "array", "items": _open(rank=_NUMBER, value=_NUMBER)}
    ),
    "CounterSamples": _closed(
        ["samples"],
        samples={
            "type": "array",
            "minItems": 2,
            "maxItems": 10_000,
            "examples": [[{"at_s": 0, "value": 10}, {"at_s": 10, "value": 30}]],
            "items": _closed(["at_s", "value"], at_s=_NUMBER, value={"type": "number", "minimum": 0}),
        },
    ),
    "CounterRate": _open(
        tenant=_TEXT,
        increase=_NUMBER,
        elapsed_s={"type": "number", "exclusiveMinimum": 0},
        rate_per_s=_NUMBER,
    ),
    "NativeStatus": _open(
        tenant=_TEXT,
        requests=_COUNT,
        in_flight=_COUNT,
        uptime_s={"type": "number", "minimum": 0},
        now=_STAMP,
        runtime=_TEXT,
    ),
    **WIRE_SCHEMAS,
    **CONTEXT_SCHEMAS,
}
