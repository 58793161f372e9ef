"""Without a profile: only what was seen counts, and a target that answers anything to any path shows nothing."""

from datetime import date
from pathlib import Path

import pytest

from hybridcheck.profile.advice import first_profile
from hybridcheck.profile.discovered import CONTROL_PATH, MOST_OPERATIONS, QUESTIONS, Answered, discovered, worth_asking
from hybridcheck.profile.models import Profile
from hybridcheck.profile.reading import read_text

NOTHING = Profile(version=1)
JSON = Answered(200, "application/json", "{}")
ABSENT = Answered(404, "application/json", "{}")
METRICS = Answered(200, "text/plain", "# HELP up\n")


def test_what_answers_as_its_kind_is_taken_over() -> None:
    """Readiness, health, description, metrics, and the described paths that answered."""
    answers = {
        CONTROL_PATH: ABSENT,
        "/health/ready": JSON,
        "/healthz": JSON,
        "/openapi.json": JSON,
        "/metrics": METRICS,
        "/books": Answered(200, "application/json", "[]"),
        "/locked": Answered(401, "application/json"),
    }
    found = discovered(NOTHING, answers, ["/books", "/locked", "/unasked"])
    assert found.ready is not None
    assert found.health is not None
    assert (found.ready.path, found.health.path, found.openapi) == ("/health/ready", "/healthz", "/openapi.json")
    assert found.observability.metrics == "/metrics"
    assert [(op.id, op.expect.status, op.expect.content_type) for op in found.operations] == [
        ("GET /books", (200,), "application/json")
    ]


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"/health": JSON},
        {CONTROL_PATH: Answered(None), "/health": JSON},
        {CONTROL_PATH: JSON, "/": JSON, "/health": JSON, "/openapi.json": JSON, "/books": JSON},
        {CONTROL_PATH: ABSENT, "/health": Answered(503, "application/json"), "/": Answered(None)},
        {CONTROL_PATH: ABSENT, "/metrics": Answered(200, "text/html", "<html>")},
        {CONTROL_PATH: ABSENT, "/openapi.json": Answered(200, "text/html", "<html>")},
    ],
)
def test_without_a_control_that_is_refused_nothing_counts(answers: dict[str, Answered]) -> None:
    """No control, a catch-all, a failing answer, or the wrong kind: nothing is assumed."""
    assert discovered(NOTHING, answers, ["/books"]) == NOTHING


def test_a_catch_all_page_does_not_hide_what_differs_from_it() -> None:
    """A single-page application answers HTML to everything; JSON beside it was really found."""
    page = Answered(200, "text/html", "<html>")
    found = discovered(NOTHING, {CONTROL_PATH: page, "/": page, "/health": JSON}, [])
    assert found.health is not None
    assert found.operations == ()


def test_what_is_declared_stays() -> None:
    """Discovery fills in, it does not overrule."""
    declared = Profile.model_validate({"version": 1, "health": "/h -> 204", "thresholds": {"max_latency_ms": 5}})
    found = discovered(declared, {CONTROL_PATH: ABSENT, "/health": JSON, "/ready": JSON})
    assert found.health == declared.health
    assert found.thresholds == declared.thresholds
    assert found.ready is not None


def test_questions_are_few_and_described_paths_are_capped() -> None:
    """Each question once; paths with parameters cannot be asked."""
    assert len(set(QUESTIONS)) == len(QUESTIONS) <= 20
    assert worth_asking(["/a/{id}", "/a", "a", "/a"]) == ("/a",)
    assert len(worth_asking(f"/p{number}" for number in range(100))) == MOST_OPERATIONS


def test_the_first_profile_names_what_was_found_and_is_right() -> None:
    """Six lines that can be pasted as they are."""
    found = discovered(NOTHING, {CONTROL_PATH: ABSENT, "/books": JSON}, ["/books"])
    lines = first_profile("http://127.0.0.1:8000", found)
    assert len(lines) == 6
    loaded = read_text("\n".join(lines).encode(), Path("/x/hybridcheck.yaml"), {}, today=date(2026, 3, 1))
    assert [operation.id for operation in loaded.profile.operations] == ["GET /books"]
