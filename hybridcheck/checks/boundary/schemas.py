"""Do both sides of a boundary describe the same thing, and is one build behind every answer."""

import json
from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import declared, is_good, numbers_of
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, json_body, operation_in, params_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

WORDS_ONLY = frozenset({"description", "title", "examples", "example", "default", "$comment", "deprecated"})
"""Keywords that change nothing about what is valid."""

MOST_STEPS = 20_000
TIMES = 12
NEEDS = (
    "openapi: /openapi.json and services: {NAME: {direct_url: http://…, openapi: /openapi.json}} and "
    "boundaries: {NAME: {…, routes: [{public: ID, native: /path}]}}"
)


class SchemasAgree(ReadCheck):
    """Both sides of a boundary promise the same bodies for a route that crosses it.

    Reads the OpenAPI documents of the public side and of the callee at its `direct_url`, and compares, for each route
    with a native path, the schemas of the request and of the successful answer, references followed and words left
    out. A difference is a fail: one side was deployed without the other.
    """

    id = "boundary.schemas-agree"
    dimension = Dimension.QUALITY
    severity = Severity.MEDIUM
    suite = "boundary"
    remedy = "Generate both documents from one source, and deploy both sides of a changed schema together."
    refs = ("OpenAPI 3.1", "CWE-1059")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per service that describes itself."""
        found, profile = False, scene.profile
        for name, service in profile.services.items():
            routes = _routes(scene, name)
            if profile.openapi and service.openapi and service.direct_url and routes:
                found = True
                params = {"public": profile.openapi, "native": service.openapi, "routes": routes, "suite": self.suite}
                yield Case(check=self.id, subject=name, params=params)
        if not found:
            yield Unmet(subject="services", needs=NEEDS)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Read both documents."""
        await target.read("public", Ask("GET", case.params["public"]))
        await target.read("native", Ask("GET", case.params["native"], via=case.subject))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare schema by schema."""
        expected = f"the documents of both sides agree on {len(case.params['routes'])} routes"
        both = [evidence.exchange("public"), evidence.exchange("native")]
        numbers = numbers_of(tuple(both))
        documents = [_document(exchange) for exchange in both]
        public, native = documents
        if public is None or native is None:
            text = f"no document: {describe(both[0 if public is None else 1])}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        compared, different = 0, []
        for method, path, native_path in case.params["routes"]:
            sides = [_bodies(document, where, method) for document, where in ((public, path), (native, native_path))]
            for part in sides[0].keys() & sides[1].keys():
                compared += 1
                found = difference_of(sides[0][part], sides[1][part])
                if found:
                    different.append(f"{part} of {method.upper()} {path}: {found}")
        if different:
            text = f"{min(different)} ({len(different)} of {compared} schemas differ)"
            return failed(expected, text, exchanges=numbers, n=compared)
        if not compared:
            return undecided(Reason.NO_TEST_DATA, expected, "no route is described by both", exchanges=numbers)
        return passed(expected, f"{compared} schemas are the same", exchanges=numbers, n=compared)


class OneBuild(ReadCheck):
    """Every answer comes from the same build, whichever replica gives it.

    Asks a dozen times over fresh connections and reads the header that names the build. Two names are a fail: half of
    a deployment serves the old contract.
    """

    id = "boundary.one-build"
    dimension = Dimension.SCALABILITY
    severity = Severity.MEDIUM
    suite = "boundary"
    remedy = "Finish or roll back the deployment; route by version while two are meant to be there."
    refs = ("12factor.net/build-release-run",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where answers name their build."""
        header = scene.profile.observability.build_header
        operation = _cheap(scene)
        if header is None or operation is None:
            yield Unmet(subject="builds", needs="observability: {build_header: X-Build-Id} and health: /health")
        else:
            params = {**params_of(operation, self.suite), "header": header}
            yield Case(check=self.id, subject=header, params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask a dozen times."""
        ask = replace(ask_for(operation_in(case.params)), fresh=True)
        for number in range(1, TIMES + 1):
            await target.read(f"probe.{number}", ask)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Count the builds."""
        header = case.params["header"]
        expected = f"{TIMES} fresh connections name one build in {header}"
        exchanges = evidence.exchanges("probe")
        numbers = numbers_of(exchanges)
        named = [e.response.header(header) if e.response is not None and is_good(e) else None for e in exchanges]
        builds = sorted({name for name in named if name})
        if len(builds) > 1:
            text = f"{len(builds)} builds answer: {', '.join(name[:40] for name in builds[:4])}"
            return failed(expected, text, exchanges=numbers, n=len(exchanges))
        if len(exchanges) < TIMES or None in named:
            text = "not every answer names one" if exchanges else "nothing was recorded"
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, text, exchanges=numbers)
        return passed(expected, f"all name {builds[0][:40]}", exchanges=numbers, n=len(exchanges))


def difference_of(one: Json, other: Json, where: str = "$") -> str | None:
    """The first place at which two schemas differ, in words; None where they do not."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key not in one or key not in other:
                side = "the callee's" if key not in one else "the public"
                return f"only {side} document has {where}.{key}"
            found = difference_of(one[key], other[key], f"{where}.{key}")
            if found:
                return found
        return None
    if one == other and type(one) is type(other):
        return None
    return f"{where} is {json.dumps(one)[:80]} on the public side, {json.dumps(other)[:80]} in the callee"


def _routes(scene: Scene, callee: str) -> list[Json]:
    """Method, public path and native path of every route that crosses to a service."""
    routes = [r for b in scene.profile.boundaries.values() if b.callee == callee for r in b.routes if r.native]
    ways = [(declared(scene, route.public), route.native) for route in routes]
    return [[way[1].method.lower(), way[1].path, native] for way, native in ways if way is not None]


def _cheap(scene: Scene) -> Operation | None:
    """What answers whoever asks: the health or readiness route."""
    reference = scene.profile.health or scene.profile.ready
    return Operation(id="build", path=reference.path) if reference is not None else None


def _document(exchange: Exchange) -> dict[str, Json] | None:
    try:
        found = json_body(exchange) if is_good(exchange) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("paths"), dict) else None


def _bodies(document: dict[str, Json], path: str, method: str) -> dict[str, Json]:
    """The schemas of the request and of each successful answer of an operation, by what they are."""
    operation = _member(_member(document["paths"], path), method)
    if not isinstance(operation, dict):
        return {}
    parts = {"request": operation.get("requestBody")}
    responses = operation.get("responses")
    for status, answer in responses.items() if isinstance(responses, dict) else ():
        if str(status).startswith("2"):
            parts[f"answer {status}"] = answer
    found = {}
    for name, part in parts.items():
        schema = _member(_member(_member(part, "content"), "application/json"), "schema")
        plain = _whole(schema, document) if schema is not None else None
        if plain is not None:
            found[name] = plain
    return found


def _whole(schema: Json, document: dict[str, Json]) -> Json:
    """A schema as `_plain` gives it; None where it has too many steps or levels to be compared as a whole."""
    left = [MOST_STEPS]
    try:
        plain = _plain(schema, document, left, ())
    except RecursionError:
        return None
    return plain if left[0] >= 0 else None


def _member(value: Json, name: str) -> Json:
    """A member of an object; None where there is none, or no object."""
    return value.get(name) if isinstance(value, dict) else None


def _plain(schema: Json, document: dict[str, Json], left: list[int], within: tuple[str, ...]) -> Json:
    """A schema with local references followed and words left out; one that contains itself ends in its name."""
    left[0] -= 1
    if left[0] < 0:
        return "…"
    if isinstance(schema, list):
        parts = [_plain(part, document, left, within) for part in schema]
        return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True))
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference in within or not reference.startswith("#/"):
            return {"$ref": reference}
        target: Json = document
        for key in reference[2:].split("/"):
            target = target.get(key.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
        return _plain(target, document, left, (*within, reference))
    plain = {key: _plain(part, document, left, within) for key, part in schema.items() if key not in WORDS_ONLY}
    members = schema.get("properties")
    if isinstance(members, dict):  # here the keys are names, not keywords
        plain["properties"] = {name: _plain(part, document, left, within) for name, part in members.items()}
    return plain
