"""Do GraphQL answers have the types that the schema declares."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, encode, json_body, operation_in, operations, params_of
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, Outcome, failed, undecided

TYPES = (
    "{ __schema { queryType { name } types { name kind enumValues(includeDeprecated: true) { name } "
    "fields(includeDeprecated: true) { name type { ...T } } } } } "
    "fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }"
)
"""The names of all types, their fields and the fields' types, as deep as `[Pet!]!` goes."""

NO_SUCH_FIELD = "{ hybridcheckNoSuchField }"
DEEPEST = 50

TOKEN = re.compile(r'[\s,]+|#[^\n]*|(?P<token>"""(?:.|\n)*?"""|"(?:[^"\\\n]|\\.)*"|\.\.\.|[{}()\[\]:@$!=|&]|[-\w.]+)')


@dataclass(frozen=True, slots=True)
class Selected:
    """A field that a query selects: the key of its value in the answer, its name, and what it selects of it."""

    key: str
    name: str
    inner: tuple["Selected", ...]


class GraphqlTypes(ReadCheck):
    """GraphQL answers have the types that the schema declares, and mistakes are told as errors.

    Sends the declared query, asks the schema for its types (introspection), and holds every value of the answer
    against the type of its field: scalars, lists, enums, and null where a type forbids it. Then asks for a field that
    does not exist: the answer has to have `errors` and be no server error. Three of three wrong answers are a fail. A
    schema that may not be asked, or a query with fragments, leaves the case undecided.
    """

    id = "graphql.types"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.MEDIUM
    remedy = "Let the GraphQL library complete values by the schema instead of changing its result afterwards."
    refs = ("GraphQL specification, October 2021, §6.4.3",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per GraphQL operation of the read class."""
        found = [(suite, op) for suite, op in operations(scene) if is_graphql(op)]
        for suite, operation in found:
            yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite))
        if not found:
            line = (
                "operations: [{id: graphql, method: POST, path: /graphql, safe: true, body: {query: '{ me { id } }'}}]"
            )
            yield Unmet(subject="operations", needs=line)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """The types, the declared query, and a mistake."""
        ask = ask_for(operation_in(case.params))
        types = await target.read("types", replace(ask, body=encode({"query": TYPES})))
        await ask_until_good(target, "probe", ask, lambda e: _complaint(case, types, e))
        await ask_until_good(target, "mistake", replace(ask, body=encode({"query": NO_SUCH_FIELD})), mistake_complaint)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on three answers that break their types, or three that do not tell a mistake."""
        expected = f"{case.subject}: values of the declared types; an unknown field gives `errors`"
        types = evidence.exchange("types")
        mistake = judge_repeats(evidence, "mistake", expected, mistake_complaint)
        if mistake.outcome is Outcome.FAIL:
            return failed(expected, f"a query with an unknown field: {mistake.observed}", exchanges=mistake.exchanges)
        first = next(iter(evidence.exchanges("probe")), None)
        if first is not None and first.status != 200:
            reason = Reason.AUTH_NOT_EFFECTIVE if first.status in {401, 403} else Reason.NO_TEST_DATA
            return undecided(reason, expected, f"the declared query: {describe(first)}", exchanges=(first.n,))
        schema = schema_in(types)
        finding = judge_repeats(evidence, "probe", expected, lambda e: value_complaint(case, schema, e))
        return finding if finding.outcome is not Outcome.PASS else mistake


def is_graphql(operation: Operation) -> bool:
    """Whether an operation is a GraphQL query: by its name or path, and its body."""
    named = "graphql" in operation.id.lower() or "graphql" in operation.path.lower()
    query = operation.body.get("query") if isinstance(operation.body, dict) else None
    return named and isinstance(query, str)


def mistake_complaint(exchange: Exchange) -> str | None:
    """What is wrong with the answer to a query that cannot be right; None where nothing is."""
    if exchange.status is None or exchange.status >= 500:
        return describe(exchange)
    if exchange.status in {401, 403, 429}:
        return None
    try:
        document = json_body(exchange)
    except ValueError as error:
        return f"status {exchange.status}, and the body is not JSON: {error}"
    errors = document.get("errors") if isinstance(document, dict) else None
    return None if isinstance(errors, list) and errors else f"status {exchange.status} without `errors`"


def _complaint(case: Case, types: Exchange, exchange: Exchange) -> str | None:
    try:
        return value_complaint(case, schema_in(types), exchange)
    except Undecided:
        return None  # the judge says why


def schema_in(types: Exchange) -> dict[str, Json]:
    """The introspected types by name, and the query type under the empty name.

    Raises:
        Undecided: SHALLOW where the schema was not told.
    """
    try:
        found = json_body(types)["data"]["__schema"]
        by_name = {kind["name"]: kind for kind in found["types"]}
        by_name[""] = by_name[found["queryType"]["name"]]
    except (ValueError, KeyError, TypeError) as missing:
        raise Undecided(Reason.SHALLOW, f"introspection is not answered ({describe(types)})") from missing
    return by_name


def value_complaint(case: Case, schema: dict[str, Json], exchange: Exchange) -> str | None:
    """The first value of an answer that breaks the type of its field, in words; None where all fit.

    Raises:
        Undecided: SHALLOW where the query or the schema cannot be followed.
    """
    body = operation_in(case.params).body
    try:
        document = json_body(exchange)
    except ValueError as error:
        return f"the body is not JSON: {error}"
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        return f"no `data`: {json.dumps(document)[:200]}"
    selection = selected(body["query"])
    try:
        return _object_complaint("$.data", data, selection, schema[""], schema)
    except (KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise Undecided(Reason.SHALLOW, f"the schema cannot be followed: {broken!r}") from broken


def _object_complaint(
    path: str, value: Json, selection: tuple[Selected, ...], declared: Json, schema: dict[str, Json]
) -> str | None:
    if not isinstance(value, dict):
        return f"{path} is {json.dumps(value)[:60]}, declared {declared['name']}"
    fields = {field["name"]: field["type"] for field in declared.get("fields") or ()}
    for part in selection:
        if part.name == "__typename":
            continue
        if part.key not in value:
            return f"{path} lacks `{part.key}`"
        complaint = _complaint_of(f"{path}.{part.key}", value[part.key], part, fields[part.name], schema)
        if complaint is not None:
            return complaint
    return None


def _complaint_of(path: str, value: Json, part: Selected, kind: Json, schema: dict[str, Json]) -> str | None:
    """Where a value breaks its type; None where it does not, or the type is an abstract one."""
    if kind["kind"] == "NON_NULL":
        return (
            f"{path} is null, and must not be"
            if value is None
            else _complaint_of(path, value, part, kind["ofType"], schema)
        )
    if value is None:
        return None
    if kind["kind"] == "LIST":
        if not isinstance(value, list):
            return f"{path} is {json.dumps(value)[:60]}, declared a list"
        complaints = (_complaint_of(f"{path}[{i}]", item, part, kind["ofType"], schema) for i, item in enumerate(value))
        return next((complaint for complaint in complaints if complaint), None)
    declared = schema[kind["name"]]
    if kind["kind"] == "OBJECT":
        return _object_complaint(path, value, part.inner, declared, schema)
    fits = _fits(value, kind, declared)
    return None if fits else f"{path} is {json.dumps(value)[:60]}, declared {kind['name']}"


def _fits(value: Json, kind: Json, declared: Json) -> bool:
    """Whether a leaf has the type; custom scalars, interfaces and unions may be anything."""
    if kind["kind"] == "ENUM":
        return value in {entry["name"] for entry in declared.get("enumValues") or ()}
    if isinstance(value, bool):
        return kind["name"] not in {"Int", "Float", "String", "ID"}
    wanted: dict[str, type | tuple[type, ...]] = {
        "Int": int, "Float": (int, float), "String": str, "ID": (str, int), "Boolean": bool
    }  # fmt: skip
    return kind["name"] not in wanted or isinstance(value, wanted[kind["name"]])


def selected(query: str) -> tuple[Selected, ...]:
    """What a query selects.

    Raises:
        Undecided: SHALLOW where it has fragments, is no query, or cannot be read.
    """
    tokens = [match["token"] for match in TOKEN.finditer(query) if match["token"]]
    if "fragment" in tokens or "..." in tokens or "mutation" in tokens[:1] or "{" not in tokens:
        raise Undecided(Reason.SHALLOW, "only plain queries without fragments are followed")
    depth, at = 0, 0
    while tokens[at] != "{" or depth:  # the braces of default values stand in parentheses
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        at += 1
        if at == len(tokens):
            raise Undecided(Reason.SHALLOW, "the query cannot be read")
    try:
        return _selection(tokens, at + 1, 0)[0]
    except (IndexError, RecursionError) as broken:
        raise Undecided(Reason.SHALLOW, "the query cannot be read") from broken


def _selection(tokens: list[str], at: int, level: int) -> tuple[tuple[Selected, ...], int]:
    if level > DEEPEST:
        raise IndexError(at)
    found: list[Selected] = []
    while tokens[at] != "}":
        key = name = tokens[at]
        at += 1
        if tokens[at] == ":":
            name, at = tokens[at + 1], at + 2
        while tokens[at] in {"(", "@"}:
            at = _after_group(tokens, at) if tokens[at] == "(" else at + 2
        inner: tuple[Selected, ...] = ()
        if tokens[at] == "{":
            inner, at = _selection(tokens, at + 1, level + 1)
        found.append(Selected(key, name, inner))
    return tuple(found), at + 1


def _after_group(tokens: list[str], at: int) -> int:
    depth = 0
    while True:
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        at += 1
        if depth == 0:
            return at
