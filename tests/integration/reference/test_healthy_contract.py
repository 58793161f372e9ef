"""The healthy system keeps its own OpenAPI document, route by route, and refuses what it says it refuses."""

import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from hybridcheck.reference.description import describe
from tests.integration.reference.visitor import Visitor

BODIES: dict[str, Any] = {
    "/analytics/aggregate": {"values": [2, 4, 4, 4, 5, 5, 7, 9]},
    "/analytics/scalar": {"operation": "floordiv", "a": -7, "b": 3},
    "/analytics/text": {"text": "straße"},
    "/analytics/echo": {"value": {"d": [1.5, None, "naïve"]}},
    "/analytics/rank": {"rows": [{"id": "a", "score": 1}, {"id": "b", "score": 2}]},
    "/analytics/instant": {"at": "2026-03-29T01:30:00+02:00"},
    "/analytics/calendar": {"epoch_s": -1},
    "/analytics/blob": {"bytes": 100},
    "/analytics/page": {"offset": 8, "limit": 5},
    "/analytics/compute": {"size": 1000},
    "/analytics/partition": {"key": "a"},
    "/analytics/validate": {"text": "12345"},
    "/context/slow": {"ms": 1},
    "/context/fail": {"kind": "none"},
    "/context/total": {"values": [1, 2.5]},
    "/context/orders": {"amount": 1},
    "/detection/score": {"values": [1, 2, 1, 2, 50], "method": "ewma", "alpha": 0.5, "threshold": 2},
    "/monitoring/percentiles": {"values": [3, 1, 2], "ranks": [50, 99.9]},
    "/monitoring/rate": {"samples": [{"at_s": 0, "value": 1}, {"at_s": 2, "value": 5}]},
    "/graphql": {"query": "{ me { username role tenant } }"},
    "/api/datasets": {"name": "by the contract test", "values": [1, 2.5]},
}
ROUTES = [(route["method"], route["path"], route["access"]) for route in describe()["routes"]]
SIMPLE = [
    (method, path)
    for method, path, _ in ROUTES
    if not {"{dataset_id}", "{detector_id}", "{order_id}", "bytes"} & set(path.split("/"))
    and not path.startswith(("/auth/lo", "/auth/re", "/stream/ws"))
]


@pytest.fixture(scope="module")
def document(healthy: Visitor) -> dict[str, Any]:
    """The OpenAPI document."""
    found: dict[str, Any] = healthy.get("/openapi.json", None).json()
    return found


def keeps(document: dict[str, Any], template: str, answer: httpx.Response) -> None:
    """Assert that an answer has a declared status, type and schema."""
    operation = document["paths"][template][answer.request.method.lower()]
    declared = operation["responses"][str(answer.status_code)]
    content = declared.get("content")
    if content is None:
        assert not answer.content
        return
    media_type = answer.headers["content-type"].split(";")[0]
    assert media_type in content
    schema = content[media_type]["schema"] | {"components": document["components"]}
    Draft202012Validator(schema).validate(answer.json() if media_type.endswith("json") else answer.text)


def test_document_is_complete_and_sound(document: dict[str, Any]) -> None:
    """It names exactly the routes that exist; references resolve; schemas are schemas; security fits access."""
    named = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item if method != "parameters"
    }
    assert named == {(method, path) for method, path, _ in ROUTES}
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert references <= document["components"]["schemas"].keys()
    for method, path, access in ROUTES:
        operation = document["paths"][path][method.lower()]
        roles = ["admin"] if access == "admin" else []
        assert operation["security"] == ([] if access == "public" else [{"bearer": roles}])
        assert ("401" in operation["responses"]) == (access != "public" or path in ("/auth/login", "/auth/refresh"))


@pytest.mark.parametrize("method, path", SIMPLE)
def test_route_keeps_its_contract(healthy: Visitor, document: dict[str, Any], method: str, path: str) -> None:
    """A valid request succeeds as declared; without credentials a protected one is refused as declared."""
    target = path.replace("{dashboard_id}", "overview")
    body = BODIES[path.removeprefix("/ref")] if method == "POST" else None
    answer = healthy.ask(method, target, "root", json=body) if body else healthy.ask(method, target, "root")
    assert answer.status_code in (200, 201)
    keeps(document, path, answer)
    if document["paths"][path][method.lower()]["security"]:
        refused = healthy.ask(method, target, None, json=body) if body else healthy.ask(method, target, None)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        keeps(document, path, refused)


@pytest.mark.parametrize("path", [path for path in BODIES if path != "/api/datasets"])
def test_bad_bodies_are_refused_as_declared(healthy: Visitor, document: dict[str, Any], path: str) -> None:
    """Malformed, mistyped, mislabelled, oversized and unwanted bodies get 400, 422, 415, 413; never 5xx."""
    typed = {"Content-Type": "application/json"}
    deep = b"[" * 100_000
    for content in (b"", b"{", b"\xff", b'{"values":[NaN]}', deep, b"9" * 5000):
        answer = healthy.ask("POST", path, content=content, headers=typed)
        assert answer.status_code == 400, content[:20]
        keeps(document, path, answer)
    for content in (b"null", b"[]", b"7", b"{}", b'{"unknown":1}', b'{"values":"x","text":7,"query":[]}'):
        answer = healthy.ask("POST", path, content=content, headers=typed)
        assert answer.status_code == 422, content
        keeps(document, path, answer)
    for code, status in (("\\ud83d", 400), ("\\ud83d\\ude00", 422)):
        half = healthy.ask("POST", path, content=b'{"unknown":"%s"}' % code.encode(), headers=typed)
        assert half.status_code == status
    packed = healthy.ask("POST", path, content=b"{}", headers=typed | {"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    mislabelled = healthy.ask("POST", path, content=b"{}", headers={"Content-Type": "application/xml"})
    assert mislabelled.status_code == 415
    keeps(document, path, mislabelled)
    large = healthy.ask("POST", path, content=b" " * 1_048_577, headers=typed)
    assert large.status_code == 413
    keeps(document, path, large)
    huge = healthy.ask("POST", path, content=b" " * 8_000_000, headers=typed)
    assert huge.status_code == 413
    chunked = healthy.ask("POST", path, content=(b" " * 65_536 for _ in range(20)), headers=typed)
    assert chunked.status_code == 413
    unwanted = healthy.post(path, BODIES[path], headers={"Accept": "text/html"})
    assert unwanted.status_code == 406
    keeps(document, path, unwanted)


@pytest.mark.parametrize("path", sorted({path for _, path, _ in ROUTES}))
def test_methods(healthy: Visitor, path: str) -> None:
    """Other methods get 405 with `Allow`; OPTIONS names the same methods; HEAD goes wherever GET goes."""
    target = path.replace("{dashboard_id}", "overview").replace("{dataset_id}", "0" * 32)
    methods = {method for method, found, _ in ROUTES if found == path}
    allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - methods:
        answer = healthy.ask(method, target)
        assert answer.status_code == 405, method
        assert set(answer.headers["allow"].split(", ")) == allowed
        assert answer.headers["content-type"] == "application/problem+json"
    options = healthy.ask("OPTIONS", target, None)
    assert (options.status_code, set(options.headers["allow"].split(", "))) == (204, allowed)
    if "GET" in methods and "{dataset_id}" not in path:
        head, get = healthy.ask("HEAD", target, "root"), healthy.get(target, "root")
        assert (head.status_code, head.content) == (get.status_code, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/api",
        "/api/datasets/",
        "//health",
        "/HEALTH",
        "/.git/HEAD",
        "/.env",
        "/debug",
        "/auth/whoami/x",
        "/index.html",
        "/%2e%2e/etc/passwd",
    ],
)
def test_unknown_paths(healthy: Visitor, path: str) -> None:
    """There is no catch-all: what is not declared is 404, with and without credentials."""
    for who in (None, "root"):
        answer = healthy.get(path, who)
        assert answer.status_code == 404
        assert answer.json()["status"] == 404


def test_headers_by_class_of_answer(healthy: Visitor) -> None:
    """No sniffing anywhere, no-store on all that is private or an error, no banner, no CORS for strangers."""
    for path, who in (("/auth/whoami", "alice"), ("/health", None), ("/nope", None), ("/openapi.json", None)):
        answer = healthy.get(path, who, headers={"Origin": "https://foreign.invalid"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cache-control"] == ("public, max-age=60" if path == "/openapi.json" else "no-store")
        assert answer.headers["x-instance"] == "gateway-1"
    friend = {"Origin": "https://app.example.test", "Access-Control-Request-Method": "PUT"}
    preflight = healthy.ask("OPTIONS", "/api/datasets", None, headers=friend)
    assert preflight.headers["access-control-allow-origin"] == "https://app.example.test"
    assert "access-control-allow-credentials" not in preflight.headers
    assert "access-control-allow-methods" in preflight.headers


def test_cookie(healthy: Visitor) -> None:
    """The only cookie is the refresh token's, with every flag, and it opens nothing but the refresh."""
    answer = healthy.login()
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/auth/refresh"} <= set(cookie.split("; "))
    pair = {"Cookie": cookie.split(";")[0]}
    assert healthy.get("/auth/whoami", None, headers=pair).status_code == 401
    assert healthy.post("/auth/refresh", {}, None, headers=pair).status_code == 200
    assert healthy.post("/auth/refresh", {}, None).status_code == 401


def test_refusals_of_the_resource_are_declared(healthy: Visitor, document: dict[str, Any]) -> None:
    """What a tenant mate, a stranger and a late writer get is in the document too."""
    template, path = "/api/datasets/{dataset_id}", f"/api/datasets/{healthy.dataset()}"
    body = {"name": "x", "values": [1]}
    mate = healthy.login("short").json()["access_token"]
    answers = [
        (403, healthy.ask("PUT", path, token=mate, json=body)),
        (403, healthy.ask("DELETE", path, token=mate)),
        (404, healthy.ask("PUT", path, "bob", json=body)),
        (404, healthy.get(path, "bob")),
        (412, healthy.ask("PUT", path, json=body, headers={"If-Match": '"9"'})),
        (200, healthy.get(path)),
        (204, healthy.ask("DELETE", path)),
    ]
    for status, answer in answers:
        assert answer.status_code == status
        keeps(document, template, answer)
