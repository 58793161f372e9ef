"""Workflows of a profile: templates, forms of steps, and every mistake with its file and line."""

from pathlib import Path
from textwrap import dedent

import pytest

from hybridcheck.errors import ProfileError
from hybridcheck.profile.journeys import journey
from hybridcheck.profile.models import Profile
from hybridcheck.profile.reading import read_text
from hybridcheck.profile.templates import UnknownVariable, filled, names_in

RIGHT = """\
version: 1
targets: {local: {url: http://127.0.0.1:8000, environment: local}}
session: {login: {path: /login, token: $.token}, whoami: {method: GET, path: /me}}
identities:
  alice: {username: alice, password: env:PASSWORD}
  robot: {token: env:PASSWORD}
operations:
  - {id: make, method: POST, path: /things, body: {name: "{marker}"}, creates: true, id_from: $.id, cleanup: remove, expect: 201}
  - {id: read, path: "/things/{id}", expect: {schema: {type: object}}}
  - {id: remove, method: DELETE, path: "/things/{id}"}
  - {id: health, path: /health}
workflows:
  base:
    steps:
      - {operation: make, identity: alice, extract: {id: $.id}}
  life:
    identity: alice
    requires: [{operation: health}, {workflow: base}]
    variables: {size: 3}
    data: {rows: {kind: anomalies, rows: 50}}
    steps:
      - {session: login}
      - {name: put, request: POST /rows -> 201, body: {values: "{rows.values}", size: "{size}"}, extract: {tag: "header:ETag"}, cleanup: remove, id_from: $.id}
      - {operation: read, expect: {values: {$.name: "{marker}"}}}
      - parallel:
          - {name: one, request: "GET /one/{id}", extract: {n: $.n}}
          - {name: two, request: "GET /two?page={size}", until: {values: {$.state: done}, within_s: 5}}
      - {name: each, request: "GET /each/{row}", each: {row: "{rows.values}"}, params: {}, expect: {values: {$.n: "{n}"}}}
      - {name: found, request: GET /labels, identity: none, detects: {data: rows, min_recall: 0.6}}
    scenarios:
      normal: {}
      failure: {steps: {put: {body: {values: []}, expect: 422, extract: {}}}, last: put}
      stress: {concurrency: 5}
"""


def mistakes(text: str) -> list[str]:
    """What a person is told, without the file's name."""
    try:
        read_text(text.encode(), Path("/nowhere/p.yaml"), {"PASSWORD": "pass-word"})
    except ProfileError as refused:
        return [str(complaint).removeprefix("p.yaml:") for complaint in refused.complaints]
    return []


def right() -> Profile:
    """The right profile."""
    return read_text(RIGHT.encode(), Path("/nowhere/p.yaml"), {"PASSWORD": "pass-word"}).profile


def test_the_right_profile_is_right() -> None:
    """Every case below changes one thing of it."""
    assert mistakes(RIGHT) == []


@pytest.mark.parametrize(
    ("part", "wrong", "said"),
    [
        ("operation: read,", "operation: raed,", "steps[2].operation: no operation has the id 'raed' (did you mean 'read'?)"),
        ("{operation: health}", "{operation: helth}", "requires[0].operation: no operation has the id 'helth'"),
        ("{operation: health}", "{operation: remove}", "requires[0].operation: 'remove' is no operation that can be asked"),
        ("{workflow: base}", "{workflow: bass}", "requires[1].workflow: no workflow 'bass' (did you mean 'base'?)"),
        ("  base:\n", "  base:\n    requires: [{workflow: life}]\n", "a circle: base needs life needs base"),
        ('size: "{size}"', 'size: "{sise}"', "steps[1].body: no variable 'sise' is known here (did you mean 'size'?)"),
        ("{rows.values}\", size", "{rows.valeus}\", size", "steps[1].body: no variable 'rows.valeus' is known here"),
        ("within_s: 5}", 'within_s: 5}, headers: {N: "{n}"}', "parallel[1].headers: no variable 'n' is known here"),
        ("GET /one/{id}", "GET /one/{idd}", "steps[3].parallel[0]: nothing fills '{idd}' in /one/{idd}"),
        ("GET /one/{id}", "GET /one/{book-id}", "steps[3].parallel[0]: nothing fills '{book-id}' in /one/{book-id}"),
        ("params: {}", "params: {x: y}", "steps[4].params.x: /each/{row} has no '{x}'"),
        ("name: two", "name: one", "steps[3].parallel[1]: there is a step 'one' already"),
        ("last: put", "last: pot", "scenarios.failure.last: no step 'pot' (did you mean 'put'?)"),
        ("steps: {put:", "steps: {pot:", "scenarios.failure.steps.pot: no step 'pot'"),
        ("expect: 422, extract: {}", 'expect: 422, extract: {}, headers: {A: "{a}"}', "scenarios.failure.steps.put.headers: no variable 'a'"),
        ("identity: alice\n    requires", "identity: alic\n    requires", "steps[0].identity: no identity 'alic'"),
        ("identity: alice\n    requires", "identity: robot\n    requires", "steps[0].session: 'robot' has no password"),
        ("{session: login}", "{session: whoami}", "steps[0].session: whoami before `session: login`"),
        ("{session: login}", "{session: logout}", "steps[0].session: `session.logout` is not declared"),
        ("cleanup: remove, id_from: $.id}\n      - {op", "cleanup: remove}\n      - {op", "steps[1].cleanup: `cleanup` needs `id_from`"),
        ("cleanup: remove, id_from: $.id}\n      - {op", "cleanup: health, id_from: $.id}\n      - {op", "/health does not have the one {id} part"),
        ("extract: {n: $.n}", "extract: {n: n}", "steps[3].parallel[0].extract: 'n' is not a path into JSON"),
        ("expect: {values: {$.name:", "expect: {schema: {type: objekt}, values: {$.name:", "steps[2].expect.schema: is not a valid JSON Schema"),
        ('each: {row: "{rows.values}"}', "each: {row: []}", "steps[4].each: a loop over nothing"),
        ("detects: {data: rows,", "detects: {data: rose,", "steps[5].detects.data: no data set 'rose' (did you mean 'rows'?)"),
        (", min_recall: 0.6", "", "steps[5].detects: no limit"),
        ("{kind: anomalies, rows: 50}", "{rows: 50}", "steps[5].detects.data: 'rows' has no anomalies"),
        ("variables: {size: 3}", "variables: {size: 3, marker: x}", "'marker' is a variable of every workflow"),
        ("{session: login}", "{session: login, operation: read}", "steps[0]: a step is exactly one of"),
        ("{name: put, request", "{request", "steps[1]: a step needs a `name`"),
        ("request: POST /rows -> 201", "request: rows", "'rows' is not of the form 'GET /path'"),
        ("stress: {", "stres: {", "'stres' is no kind of scenario (normal, edge, failure, stress)"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_line(part: str, wrong: str, said: str) -> None:
    """One change of the right profile gives this complaint, at a line of the file."""
    assert part in RIGHT
    found = mistakes(RIGHT.replace(part, wrong, 1))
    assert any(said in complaint for complaint in found), found
    assert all(complaint[:1].isdigit() for complaint in found)


def test_steps_that_no_scenario_reaches_are_named() -> None:
    """Where every scenario ends before them."""
    found = mistakes(RIGHT.replace("normal: {}", "normal: {last: login}").replace("concurrency: 5", "last: put"))
    reached = [complaint for complaint in found if "no scenario reaches the step" in complaint]
    assert [complaint.split("'")[1] for complaint in reached] == ["read", "one", "two", "each", "found"]


def test_a_schema_may_hold_variables() -> None:
    """`minimum: "{size}"` is judged as a number, `pattern: "{size}"` as a text."""
    for keyword in ("minimum", "pattern", "const"):
        text = RIGHT.replace(
            "expect: {values: {$.name:", f'expect: {{schema: {{{keyword}: "{{size}}"}}, values: {{$.name:'
        )
        assert mistakes(text) == []


def test_a_scenario_resolves_into_steps_that_need_nothing_else() -> None:
    """Requirements first, the scenario's changes over the step's, the step's over the operation's."""
    normal = journey(right(), "life", "normal")
    names = [(step.name, step.group, step.preparation) for step in normal.steps]
    assert names[:3] == [("base/make", 0, "base"), ("health", 1, "health"), ("login", 2, "")]
    assert [group for name, group, _ in names if name in {"one", "two"}] == [5, 5]
    put = next(step for step in normal.steps if step.name == "put")
    assert (put.operation.id, put.operation.method, put.created, put.cleanup) == ("life/put", "POST", True, "remove")
    read = next(step for step in normal.steps if step.name == "read")
    assert read.operation.expect.json_schema == {"type": "object"}
    assert read.operation.expect.values == {"$.name": "{marker}"}
    assert next(step for step in normal.steps if step.name == "found").identity is None
    failure = journey(right(), "life", "failure")
    assert failure.steps[-1].name == "put"
    assert failure.steps[-1].operation.expect.status == (422,)
    assert failure.steps[-1].extract == {}
    assert journey(right(), "life", "stress").copies == 5
    assert not normal.reads


def test_a_profile_that_comes_out_of_a_ledger_means_the_same() -> None:
    """Dumped with its defaults and read again it gives the same journeys: what nobody wrote is not written."""
    read_again = Profile.model_validate(right().model_dump(mode="json", by_alias=True))
    for scenario in ("normal", "failure", "stress"):
        assert journey(read_again, "life", scenario) == journey(right(), "life", scenario)


def test_a_request_of_a_workflow_is_an_operation_that_may_be_sent() -> None:
    """The transport knows it under `workflow/step`; clean-up and reads of it are declared operations."""
    operation = right().operation("life/put")
    assert operation is not None
    assert (operation.method, operation.path, operation.expect.status) == ("POST", "/rows", (201,))
    assert right().operation("life/nothing") is None


def test_templates_keep_types_and_leave_other_braces_alone() -> None:
    """A text that is one name becomes its value; within text it is written out; `{{name}}` is literal."""
    known = {"n": 3, "who": "ann", "rows": {"values": [1, 2]}}
    value = {"a": "{n}", "b": "n={n}, {who}", "c": ["{rows.values}"], "d": "{{n}}", "e": "{ me { who } }", "f": None}
    assert filled(value, known) == {
        "a": 3,
        "b": "n=3, ann",
        "c": [[1, 2]],
        "d": "{n}",
        "e": "{ me { who } }",
        "f": None,
    }
    assert list(names_in(value)) == ["n", "n", "who", "rows.values"]
    for unknown in ("{x}", "{rows.x}", "{n.x}"):
        with pytest.raises(UnknownVariable):
            filled(unknown, known)


def test_lines_of_mistakes_are_those_of_the_file() -> None:
    """The complaint about a step of a longer list points at its own line."""
    text = dedent(
        """\
        version: 1
        workflows:
          w:
            steps:
              - {name: a, request: GET /a}
              - {name: b, request: "GET /b/{missing}"}
        """
    )
    assert mistakes(text) == [
        "6 workflows.w.steps[1]: nothing fills '{missing}' in /b/{missing} (params: {missing: …}, or a variable of that name)"
    ]
