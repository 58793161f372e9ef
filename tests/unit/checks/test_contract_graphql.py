"""GraphQL values against introspected types; queries that cannot be followed are undecided."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.contract.graphql import GraphqlTypes, Selected, selected
from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of, unmet_of


def named(name: str, kind: str = "SCALAR") -> dict[str, Any]:
    """A reference to a named type."""
    return {"kind": kind, "name": name, "ofType": None}


def wrapped(kind: str, inner: dict[str, Any]) -> dict[str, Any]:
    """NON_NULL or LIST of a type."""
    return {"kind": kind, "name": None, "ofType": inner}


PETS = wrapped("NON_NULL", wrapped("LIST", wrapped("NON_NULL", named("Pet", "OBJECT"))))
FIELDS: dict[str, dict[str, Any]] = {
    "Query": {"pets": PETS},
    "Pet": {
        "id": wrapped("NON_NULL", named("ID")),
        "age": named("Int"),
        "kind": named("Kind", "ENUM"),
        "tame": named("Boolean"),
    },
}
TYPES = [
    *(
        {"name": n, "kind": "OBJECT", "fields": [{"name": f, "type": t} for f, t in fields.items()]}
        for n, fields in FIELDS.items()
    ),
    *({"name": name, "kind": "SCALAR", "fields": None} for name in ("ID", "Int", "Boolean")),
    {"name": "Kind", "kind": "ENUM", "enumValues": [{"name": "CAT"}, {"name": "DOG"}]},
]
SCHEMA = {"data": {"__schema": {"queryType": {"name": "Query"}, "types": TYPES}}}
QUERY = 'query q($n: Int = {a: 1}) { all: pets(first: 3, name: "a } b") @include(if: true) { id age kind tame __typename } }'
PET = {"id": "1", "age": 3, "kind": "CAT", "tame": True, "__typename": "Pet"}


def judged(data: Any, *, types: Answer = (200, {}, SCHEMA), mistake: Any = None, query: str = QUERY) -> Finding:
    """The finding where the declared query is answered with this data."""
    answer = (400, {}, {"errors": [{"message": "no such field"}]}) if mistake is None else mistake
    operation = {"id": "graphql", "method": "POST", "path": "/graphql", "safe": True, "body": {"query": query}}

    def answering(ask: Ask) -> Answer | Failure:
        sent = ask.body or b""
        if b"__schema" in sent:
            return types
        return answer if b"hybridcheckNoSuchField" in sent else (200, {}, {"data": data})

    return finding_of(GraphqlTypes(), {"operations": [operation]}, FakeTarget(answering))


def test_values_of_their_types_pass() -> None:
    """Scalars, enums, lists, and null where it may be."""
    assert judged({"all": [PET, {**PET, "age": None}]}).outcome is Outcome.PASS
    assert judged({"all": []}).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"all": [PET, {**PET, "age": "3"}]}, '$.data.all[1].age is "3", declared Int'),
        ({"all": [{**PET, "age": True}]}, "declared Int"),
        ({"all": [{**PET, "kind": "COW"}]}, "declared Kind"),
        ({"all": [{**PET, "id": None}]}, "null, and must not be"),
        ({"all": [{**PET, "tame": "yes"}]}, "declared Boolean"),
        ({"all": None}, "null, and must not be"),
        ({"all": PET}, "declared a list"),
        ({"all": ["cat"]}, "declared Pet"),
        ({"pets": []}, "lacks `all`"),
        (None, "no `data`"),
    ],
)
def test_values_of_other_types_fail(data: Any, words: str) -> None:
    """Three of three, with path, value and declared type."""
    finding = judged(data)
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)
    assert words in finding.observed


@pytest.mark.parametrize("mistake", [(500, {}, {}), (200, {}, {"data": None}), (200, {}, "<html>"), Failure.RESET])
def test_a_mistake_that_is_not_told_fails(mistake: Any) -> None:
    """No server error, and `errors` in the answer."""
    assert judged({"all": [PET]}, mistake=mistake).outcome is Outcome.FAIL


@pytest.mark.parametrize("types", [(400, {}, {"errors": [{}]}), (200, {}, {"data": {"__schema": {"types": []}}})])
def test_without_a_schema_nothing_is_said_about_types(types: Answer) -> None:
    """Introspection that is switched off leaves it undecided."""
    finding = _safe(types)
    assert finding == Reason.SHALLOW


def _safe(types: Answer) -> Reason:
    with pytest.raises(Undecided) as caught:
        judged({"all": [PET]}, types=types)
    return caught.value.reason


def test_queries_are_followed() -> None:
    """Aliases, arguments, directives, text with braces, comments."""
    assert selected('{ a: b(x: {y: "}"}) { c } # }\n d @skip(if: false) }') == (
        Selected("a", "b", (Selected("c", "c", ()),)),
        Selected("d", "d", ()),
    )


@pytest.mark.parametrize(
    "query", ["", "{", "{ a { b }", "mutation { a }", "{ ...F } fragment F on X { a }", "{" * 9_999]
)
def test_queries_that_cannot_be_followed_are_undecided(query: str) -> None:
    """Broken and unusual queries end in one reason."""
    with pytest.raises(Undecided):
        selected(query)


def test_without_graphql_the_profile_is_asked_for_it() -> None:
    """What is not declared is named."""
    assert "graphql" in unmet_of(GraphqlTypes(), {"operations": ["GET /"]})[0].needs
