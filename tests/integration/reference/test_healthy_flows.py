"""The main flows of the healthy gateway: sessions, datasets, GraphQL, dashboards, streams, metrics."""

import json
import threading
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.integration.reference.visitor import Visitor, comes, visiting


def test_session_from_login_to_logout(healthy: Visitor) -> None:
    """Login, refresh with rotation, logout: each token works exactly as long as it should."""
    first = healthy.login().json()
    second = healthy.post("/auth/refresh", {"refresh_token": first["refresh_token"]}, None).json()
    for token in (first["access_token"], second["access_token"]):
        assert healthy.get("/auth/whoami", token=token).json()["username"] == "alice"
    assert healthy.get("/auth/whoami", token=second["refresh_token"]).status_code == 401
    assert healthy.post("/auth/refresh", {"refresh_token": second["access_token"]}, None).status_code == 401
    assert healthy.ask("POST", "/auth/logout", token=second["access_token"]).status_code == 204
    assert healthy.get("/auth/whoami", token=first["access_token"]).status_code == 401
    assert healthy.post("/auth/refresh", {"refresh_token": second["refresh_token"]}, None).status_code == 401


def test_reused_refresh_token_ends_its_session(healthy: Visitor) -> None:
    """The second use of a refresh token is refused and takes the whole session with it."""
    first = healthy.login().json()
    second = healthy.post("/auth/refresh", {"refresh_token": first["refresh_token"]}, None).json()
    assert healthy.post("/auth/refresh", {"refresh_token": first["refresh_token"]}, None).status_code == 401
    assert healthy.get("/auth/whoami", token=second["access_token"]).status_code == 401


def test_wrong_names_and_wrong_passwords_look_the_same() -> None:
    """An unknown name and a wrong password get the same answer; too many get 429 with Retry-After."""
    with visiting() as visitor:
        wrong, unknown = (
            visitor.login("bob", "wrong"),
            visitor.post("/auth/login", {"username": "nobody", "password": "wrong"}, None),
        )
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json()["detail"] == unknown.json()["detail"]
        for _ in range(9):
            assert visitor.login("bob", "wrong").status_code == 401
        throttled = visitor.login("bob")
        assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "60")
        assert visitor.login("alice").status_code == 200


@pytest.mark.parametrize("value", ["", "Bearer", "Basic abc", "Bearer null", "Token x", "Bearer a.b.c"])
def test_odd_credentials(healthy: Visitor, value: str) -> None:
    """Whatever is no live token gets 401 with a challenge."""
    answer = healthy.get("/auth/whoami", None, headers={"Authorization": value})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_life_of_a_dataset(healthy: Visitor) -> None:
    """Create, read, replace, delete; reads change nothing; a second delete finds nothing."""
    created = healthy.post("/api/datasets", {"name": "ünï", "values": [1, 2.5, 1e300]})
    path = created.headers["location"]
    assert created.status_code == 201
    assert [healthy.get(path).json() for _ in range(3)] == [created.json()] * 3
    replaced = healthy.ask("PUT", path, json={"name": "x", "values": [7]}, headers={"If-Match": '"1"'})
    assert (replaced.json()["revision"], replaced.headers["etag"]) == (2, '"2"')
    stale = healthy.ask("PUT", path, json={"name": "y", "values": [7]}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert healthy.get(path).json()["name"] == "x"
    assert healthy.ask("DELETE", path).status_code == 204
    assert [healthy.ask(method, path).status_code for method in ("GET", "DELETE")] == [404, 404]


def test_who_may_do_what_with_a_dataset(healthy: Visitor) -> None:
    """Tenant mates read, owners and admins write, strangers find nothing; and the owner still has what was there."""
    path = f"/api/datasets/{healthy.dataset('alice')}"
    allowed = {who: healthy.get(path, who).status_code for who in ("alice", "root", "bob")}
    assert allowed == {"alice": 200, "root": 200, "bob": 404}
    changed = {"name": "changed", "values": [0]}
    mate = short_lived(healthy, "GET", path)  # of the same tenant
    assert mate.status_code == 200
    assert short_lived(healthy, "PUT", path, json=changed).status_code == 403
    assert healthy.ask("PUT", path, "bob", json=changed).status_code == 404
    assert healthy.ask("DELETE", path, "bob").status_code == 404
    assert healthy.get(path).json()["name"] == "made by a test"
    assert all(item["tenant"] == "t2" for item in healthy.get("/api/datasets?limit=100", "bob").json()["items"])
    assert healthy.get("/admin/users").status_code == 403
    assert "password" not in healthy.get("/admin/users", "root").text


def short_lived(visitor: Visitor, method: str, path: str, **options: Any) -> httpx.Response:
    """The answer to a request of `short`, whose tokens live two seconds: with one that was over by then, it is asked again."""

    def asked() -> httpx.Response:
        return visitor.ask(method, path, token=visitor.login("short").json()["access_token"], **options)

    answers = (asked() for _ in range(10))
    return next(answer for answer in answers if answer.status_code != 401)


def test_mass_assignment_is_refused(healthy: Visitor) -> None:
    """Fields that the server sets are no part of the request."""
    answer = healthy.post("/api/datasets", {"name": "x", "values": [1], "owner": "bob", "tenant": "t2"})
    assert answer.status_code == 422


def test_idempotency_key(healthy: Visitor) -> None:
    """The same key and body make one dataset; the same key with another body is 409."""
    headers = {"Idempotency-Key": "once-and-no-more"}
    body = {"name": "once", "values": [1]}
    answers = [healthy.post("/api/datasets", body, headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert healthy.post("/api/datasets", {"name": "b", "values": [1]}, headers=headers).status_code == 409


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "limit=1e9", "limit=%F0%9F%98%80"])
def test_paging_has_bounds(healthy: Visitor, query: str) -> None:
    """A page outside the declared range is 422."""
    assert healthy.get(f"/api/datasets?{query}").status_code == 422


@pytest.mark.parametrize(
    "query, status",
    [
        ("{ me { username } }", 200),
        ("{ me { password } }", 400),
        ("{ me {", 400),
        ("mutation { x }", 400),
        ("{" * 500, 400),
        ("query a { me { username } } query b { me { role } }", 400),
        ("{ __schema { types { fields { type { ofType { ofType { ofType { ofType { name } } } } } } } } }", 400),
    ],
)
def test_graphql(healthy: Visitor, query: str, status: int) -> None:
    """Queries are answered; what is wrong, unknown, too deep or ambiguous is 400 with errors and no data."""
    answer = healthy.post("/graphql", {"query": query})
    assert answer.status_code == status
    assert ("errors" in answer.json()) == (status == 400)


def test_graphql_follows_the_rules_of_the_resource(healthy: Visitor) -> None:
    """Bob finds alice's dataset neither by id nor in the list."""
    made = healthy.dataset("alice")
    query = {
        "query": "query q($id: ID!) { dataset(id: $id) { id size } datasets(limit: 100) { id } }",
        "variables": {"id": made},
    }
    seen: dict[str, Any] = healthy.post("/graphql", query).json()["data"]
    assert seen["dataset"] == {"id": made, "size": 3}
    other = healthy.post("/graphql", query, "bob").json()["data"]
    assert other["dataset"] is None
    assert made not in [item["id"] for item in other["datasets"]]


def test_dashboard_shows_what_happened(healthy: Visitor) -> None:
    """A new dataset and new requests show at once."""

    def newest() -> dict[str, float]:
        panels = healthy.get("/dashboards/overview").json()["panels"]
        return {panel["id"]: panel["points"][-1]["value"] for panel in panels}

    before = newest()
    healthy.dataset()
    after = newest()
    assert after["datasets"] == before["datasets"] + 1
    assert after["requests"] == before["requests"] + 2  # the one that made it, and the first look
    assert healthy.get("/dashboards/nothing").status_code == 404


def test_event_stream(healthy: Visitor) -> None:
    """Numbered, complete, in order, resumable, ended; many events without delay between happening and arriving."""
    heard = healthy.events("count=2000&interval_ms=0")
    assert heard.sequence == list(range(1, 2001))
    assert heard.ended
    assert not heard.cut_off
    resumed = healthy.events("count=5&interval_ms=1", **{"Last-Event-ID": "3"})
    assert (resumed.sequence, resumed.ended) == ([4, 5], True)
    assert healthy.events("count=5", **{"Last-Event-ID": "5"}).sequence == []
    assert healthy.events("count=5", **{"Last-Event-ID": "x"}).status == 422
    assert healthy.get("/stream/events?count=0").status_code == 422
    assert healthy.get("/stream/events", None).status_code == 401


def test_left_stream_is_not_produced_further(healthy: Visitor) -> None:
    """When a client leaves in the middle of a stream, the request is over for the gateway too."""
    headers = {"Authorization": f"Bearer {healthy.token()}"}
    url = f"{healthy.system.base_url}/stream/events?count=10000&interval_ms=5"
    with httpx.Client(trust_env=False) as client, client.stream("GET", url, headers=headers) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "id: 1"
        assert healthy.metric("http_requests_in_flight") == 2  # the stream and the scrape
    assert comes(lambda: healthy.metric("http_requests_in_flight") == 1)


def test_websocket(healthy: Visitor) -> None:
    """Numbered, complete, resumable, ended with 1000; no token, no handshake; a plain GET learns what it takes."""
    messages = healthy.messages("count=500&interval_ms=0")
    assert [message["sequence"] for message in messages[:-1]] == list(range(1, 501))
    assert messages[-1] == {"type": "end"}
    assert [m.get("sequence") for m in healthy.messages("count=5&last_event_id=3&interval_ms=1")] == [4, 5, None]
    url = healthy.system.base_url.replace("http", "ws")
    for path, headers, status in (
        ("/stream/ws", {}, 401),
        ("/nope", {}, 404),
        ("/stream/ws?count=0", {"Authorization": f"Bearer {healthy.token()}"}, 422),
    ):
        with pytest.raises(InvalidStatus) as refusal:
            connect(url + path, additional_headers=headers)
        assert refusal.value.response.status_code == status
        assert json.loads(refusal.value.response.body or b"{}")["status"] == status
    plain = healthy.get("/stream/ws")
    assert (plain.status_code, plain.headers["upgrade"]) == (426, "websocket")


def test_trace_id_travels(healthy: Visitor) -> None:
    """A valid trace id is kept, also in errors that come from the native service; an invalid one is replaced."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    refused = healthy.post("/analytics/scalar", {"operation": "mod", "a": 1, "b": 0}, headers=parent)
    assert refused.headers["x-trace-id"] == refused.json()["trace_id"] == trace
    for bad in ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", f"ff-{trace}-00f067aa0ba902b7-01", "x"):
        assert healthy.get("/health", None, headers={"traceparent": bad}).headers["x-trace-id"] != trace


def test_counters_are_exact_under_concurrency_and_over_workers() -> None:
    """Four threads over two workers: the counter moves by the number of requests; the histogram agrees with it."""
    with visiting(instances=2) as visitor:
        token = visitor.token()

        def ask() -> None:
            for _ in range(10):
                with httpx.Client(base_url=visitor.system.base_url, trust_env=False) as client:
                    for _ in range(5):
                        client.get("/auth/whoami", headers={"Authorization": f"Bearer {token}"}).raise_for_status()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert visitor.metric('http_requests_total{method="GET",route="/auth/whoami",status="200"}') == 200
        assert visitor.metric('http_request_duration_seconds_count{method="GET",route="/auth/whoami"}') == 200
        assert visitor.metric("service_workers") == 2
        # the scrape itself; an answer may be read before the worker that sent it has ended its request
        assert comes(lambda: visitor.metric("http_requests_in_flight") == 1)


def test_metrics_parse_and_name_the_process(healthy: Visitor) -> None:
    """The exposition parses; process figures are those of the process; errors have their own line."""
    healthy.get("/nope", None)
    families = {family.name: family for family in text_string_to_metric_families(healthy.get("/metrics", None).text)}
    assert {
        "process_cpu_seconds",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
        "work_backlog",
        "http_requests",
        "http_request_duration_seconds",
    } <= families.keys()
    assert families["process_resident_memory_bytes"].samples[0].value > 10 * 2**20
    missing = [sample for sample in families["http_requests"].samples if sample.labels["status"] == "404"]
    assert sum(sample.value for sample in missing) >= 1
