"""What docs/ and the README say is true: generated pages are current, examples are accepted, every key is explained."""

import importlib.util
import json
import re
from datetime import date
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin

import pytest
import yaml
from jsonschema import Draft7Validator
from pydantic import BaseModel

from hybridcheck.checks.catalogue import by_id
from hybridcheck.checks.check import Scene
from hybridcheck.plan import Selection, make
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import read_text
from hybridcheck.verdict import Outcome, Verdict
from tests.unit.checks.fake_target import FakeTarget, finding_of, unmet_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
HEAD = "version: 1\ntargets: {local: {url: http://127.0.0.1:8000, environment: local}}\n"
TODAY = date(2026, 11, 20)
"""The day on which the waiver of the example is valid."""


def blocks(path: Path, kind: str) -> list[str]:
    """The fenced blocks of one kind."""
    return [found["text"] for found in BLOCK.finditer(path.read_text(encoding="utf-8")) if found["kind"] == kind]


def generator() -> ModuleType:
    """The script docs/generate.py, imported from where it is."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_current() -> None:
    """`make docs` would change nothing."""
    wanted = generator().pages()
    assert len(wanted) > 2
    stale = [name for name, text in wanted.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != text]
    assert stale == [], "run `make docs` and commit docs/"
    assert {f"checks/{path.name}" for path in (DOCS / "checks").glob("*.md")} == {n for n in wanted if "/" in n}


@pytest.mark.parametrize(
    "path", [DOCS / "profile.md", DOCS / "workflows.md", ROOT / "README.md"], ids=lambda path: path.name
)
def test_every_profile_that_is_shown_lints(path: Path) -> None:
    """Each YAML block is read and planned as `hybridcheck lint` does; the first gives the head of those after it."""
    shown = [text for text in blocks(path, "yaml") if not text.startswith("- run:")]
    assert shown
    for text in shown:
        whole = text if text.startswith("version:") else HEAD + text
        environment = {name: f"value-of-{name}" for name in re.findall(r"env:([A-Z_]+)", whole)}
        loaded = read_text(whole.encode(), DOCS / "hybridcheck.yaml", environment, today=TODAY)
        target = next(iter(loaded.profile.targets.values()))
        scene = Scene(loaded.profile, target.url, Environment(target.environment))
        plan = make(scene, by_id(), Selection(), today=TODAY)
        assert plan.complaints == (), text
        assert plan.cases


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation names, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, tuple, dict, list) or get_args(annotation):
        return [model for argument in get_args(annotation) for model in models_in(argument)]
    return []


def keys_of(model: type[BaseModel]) -> set[str]:
    """Every key that a profile may have below a model."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        for part in models_in(field.annotation):
            found |= keys_of(part)
    return found


def test_the_guide_explains_every_key() -> None:
    """Each key of the models stands in the guide, in an example or in words."""
    text = (DOCS / "profile.md").read_text(encoding="utf-8")
    keys = keys_of(Profile)
    assert {"rate_rps", "max_age_s", "p99_ms"} <= keys
    assert [
        key for key in sorted(keys) if not re.search(rf"(?:^|[\s`{{,.]){re.escape(key)}\b", text, re.MULTILINE)
    ] == []


class PlainWords(yaml.SafeLoader):
    """YAML as GitHub and GitLab read it: `on` is a word, not a boolean."""


PlainWords.yaml_implicit_resolvers = {
    letter: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.mark.parametrize("example,schema", [("github.yml", "github-workflows.json"), ("gitlab.yml", "gitlab-ci.json")])
def test_the_examples_for_ci_fit_the_schemas_of_their_hosts(example: str, schema: str) -> None:
    """The schemas of SchemaStore, as check-jsonschema carries them; a misspelt key would be seen."""
    carried = distribution("check-jsonschema").locate_file(f"check_jsonschema/builtin_schemas/vendor/{schema}")
    validator = Draft7Validator(json.loads(Path(str(carried)).read_text(encoding="utf-8")))
    document = yaml.load((DOCS / "ci" / example).read_text(encoding="utf-8"), PlainWords)
    assert [error.message for error in validator.iter_errors(document)] == []
    job = next(value for value in (document.get("jobs") or document).values() if isinstance(value, dict))
    job["stepz" if "steps" in job else "scriptz"] = job.pop("steps", None) or job.pop("script")
    assert list(validator.iter_errors(document))


def test_the_verdict_that_is_shown_has_the_shape_of_a_verdict() -> None:
    """The document in verdict.md is a real one whose lists were cut: it still reads as a verdict."""
    [text] = blocks(DOCS / "verdict.md", "json")
    shown = Verdict.model_validate(json.loads(text))
    assert shown.verdict in {"READY", "NOT_READY"}


def test_the_check_that_is_shown_works() -> None:
    """The example of plugins.md, as code: it passes with the header, fails without it, and says what it would need."""
    shown = ModuleType("acme_checks")
    exec(compile(blocks(DOCS / "plugins.md", "python")[0], "plugins.md", "exec"), shown.__dict__)
    check = shown.AnswersCarryRequestId()
    named, nameless = FakeTarget(lambda _: (200, {"X-Request-Id": "1"}, {})), FakeTarget(lambda _: (200, {}, {}))
    assert finding_of(check, {"ready": "/readyz"}, named).outcome is Outcome.PASS
    assert finding_of(check, {"ready": "/readyz"}, nameless).outcome is Outcome.FAIL
    assert [unmet.needs for unmet in unmet_of(check, {})] == ["ready: /readyz"]


def test_links_between_the_pages_lead_somewhere() -> None:
    """Each relative link in the README and in docs/ names a file that exists."""
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    broken = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert broken == []
