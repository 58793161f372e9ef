"""Each defect of health, contract, GraphQL, headers and exposure is seen with its switch on, and not with it off."""

from tests.integration.reference.visitor import Observer, Visitor, seen_with_its_switch_only


def sees_never_ready(visitor: Visitor) -> bool:
    """Readiness answers 503 while the work goes on."""
    assert visitor.get("/api/datasets").status_code == 200
    return visitor.get("/health/ready", None).status_code == 503


def sees_health_body_down(visitor: Visitor) -> bool:
    """Readiness answers 200 with a bad word in its body."""
    answer = visitor.get("/health/ready", None)
    assert answer.status_code == 200
    return bool(answer.json()["status"] == "down")


def sees_readiness_lies(visitor: Visitor) -> bool:
    """Readiness answers 200 while datasets are refused with 503."""
    ready = visitor.get("/health/ready", None).status_code == 200
    return ready and visitor.get("/api/datasets").status_code == 503


def sees_wrong_schema(visitor: Visitor) -> bool:
    """`total` of a page is no integer."""
    return not isinstance(visitor.get("/api/datasets").json()["total"], int)


def sees_server_error(visitor: Visitor) -> bool:
    """A dashboard that exists answers 500."""
    return visitor.get("/dashboards/overview").status_code == 500


def sees_wrong_status(visitor: Visitor) -> bool:
    """The list of dashboards answers another status than 200."""
    return visitor.get("/dashboards").status_code == 202


def sees_wrong_content_type(visitor: Visitor) -> bool:
    """The list of dashboards says that it is HTML."""
    return bool(visitor.get("/dashboards").headers["content-type"].startswith("text/html"))


def sees_openapi_mismatch(visitor: Visitor) -> bool:
    """`revision` has another type than the OpenAPI document says."""
    document = visitor.get("/openapi.json", None).json()
    assert document["components"]["schemas"]["Dataset"]["properties"]["revision"]["type"] == "integer"
    return not isinstance(visitor.get(f"/api/datasets/{visitor.dataset()}").json()["revision"], int)


def sees_openapi_stale(visitor: Visitor) -> bool:
    """An account lacks a member that the OpenAPI document requires."""
    document = visitor.get("/openapi.json", None).json()
    assert "tenant" in document["components"]["schemas"]["Whoami"]["required"]
    return "tenant" not in visitor.get("/admin/users", "root").json()["items"][0]


def sees_malformed_json_500(visitor: Visitor) -> bool:
    """Half a JSON document is the server's failure."""
    headers = {"Content-Type": "application/json"}
    answer = visitor.ask("POST", "/analytics/aggregate", content=b'{"values": [1,', headers=headers)
    assert answer.status_code in (400, 500)
    return answer.status_code == 500


def sees_wrong_method_200(visitor: Visitor) -> bool:
    """DELETE on the list of dashboards is answered like GET."""
    return visitor.ask("DELETE", "/dashboards").status_code == 200


def sees_wrong_media_type_accepted(visitor: Visitor) -> bool:
    """JSON in the guise of text/plain is taken."""
    headers = {"Content-Type": "text/plain"}
    answer = visitor.ask("POST", "/analytics/aggregate", content=b'{"values": [1]}', headers=headers)
    return answer.status_code == 200


def sees_upload_limit_missing(visitor: Visitor) -> bool:
    """More than the declared size of body is read."""
    body = b'{"text": "' + b" " * 1_100_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    return visitor.ask("POST", "/analytics/text", content=body, headers=headers).status_code != 413


def sees_error_format_html(visitor: Visitor) -> bool:
    """An error is an HTML page."""
    return bool(visitor.get("/no/such/path", None).headers["content-type"] != "application/problem+json")


def sees_write_not_stored(visitor: Visitor) -> bool:
    """A dataset stays as it was after a PUT that was answered 200."""
    path = f"/api/datasets/{visitor.dataset()}"
    answer = visitor.ask("PUT", path, json={"name": "changed", "values": [9]})
    assert (answer.status_code, answer.json()["name"]) == (200, "changed")
    return bool(visitor.get(path).json()["name"] != "changed")


def sees_nan_in_health(visitor: Visitor) -> bool:
    """The health document has a token that is not JSON."""
    return "NaN" in visitor.get("/health", None).text


def sees_invalid_utf8(visitor: Visitor) -> bool:
    """The health document has a byte of Latin-1."""
    return b"caf\xe9" in visitor.get("/health", None).content


def sees_mislabelled_json(visitor: Visitor) -> bool:
    """The health document says that it is a page."""
    return visitor.get("/health", None).headers["content-type"].startswith("text/html")


def sees_directory_listing(visitor: Visitor) -> bool:
    """A folder shows what is in it."""
    return "Index of /static/" in visitor.get("/static/", None).text


def sees_version_banner(visitor: Visitor) -> bool:
    """The Server header has a version."""
    return "/" in visitor.get("/health", None).headers.get("server", "")


def sees_graphql_wrong_type(visitor: Visitor) -> bool:
    """A field that is declared Int is text."""
    visitor.dataset()
    answer = visitor.post("/graphql", {"query": "{ datasets { size } }"}).json()
    return not isinstance(answer["data"]["datasets"][0]["size"], int)


def sees_stack_trace(visitor: Visitor) -> bool:
    """A refused request is answered with frames of a Python traceback."""
    return visitor.get("/auth/whoami", None).text.count(", line ") >= 2


def sees_missing_nosniff(visitor: Visitor) -> bool:
    """Browsers may guess the type of an answer."""
    return bool(visitor.get("/auth/whoami").headers.get("x-content-type-options") != "nosniff")


def sees_private_cacheable(visitor: Visitor) -> bool:
    """Shared caches may keep a private answer."""
    return "no-store" not in visitor.get("/auth/whoami").headers["cache-control"]


def sees_cors_reflects_origin(visitor: Visitor) -> bool:
    """A foreign origin is let in, with credentials."""
    headers = visitor.get("/auth/whoami", headers={"Origin": "https://foreign.invalid"}).headers
    origin = headers.get("access-control-allow-origin")
    return (origin, headers.get("access-control-allow-credentials")) == ("https://foreign.invalid", "true")


def sees_exposed_git(visitor: Visitor) -> bool:
    """The repository's HEAD and configuration can be read."""
    head, config = visitor.get("/.git/HEAD", None), visitor.get("/.git/config", None)
    return head.text.startswith("ref: refs/") and "[core]" in config.text


def sees_exposed_env(visitor: Visitor) -> bool:
    """The environment file can be read."""
    return "APP_ENV=" in visitor.get("/.env", None).text


def sees_exposed_debug(visitor: Visitor) -> bool:
    """Debug routes answer."""
    console, variables = visitor.get("/debug", None), visitor.get("/debug/vars", None)
    return "EVALEX" in console.text and "memstats" in variables.text


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor) -> None:
    """The wrong behaviour shows with the switch on, and not on the healthy system."""
    seen_with_its_switch_only(observer, healthy)
