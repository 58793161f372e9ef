"""Users with scenarios, at a real server: values go from answer to request, everybody is somebody else, books balance."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from hybridcheck.bundled import data_file
from hybridcheck.cases import Budget
from hybridcheck.evidence import Gap, GapReason, LoadEnd, LoadSecond, Observation, Record
from hybridcheck.integrators.preflight import PREFLIGHT
from hybridcheck.ledger import Ledger
from hybridcheck.load import fleet
from hybridcheck.load.phase import Site, alone, run_phase
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import Report
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Environment
from hybridcheck.profile.reading import read_profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential
from hybridcheck.transport.session import Session

PROFILE = """
version: 1
identities:
  ada: {token: "env:ADA"}
  bob: {token: "env:BOB"}
operations:
  - {id: find, path: /items, query: {q: x}}
  - {id: makeCart, method: POST, path: /carts, auth: required, identity: ada, expect: 201}
  - {id: fill, method: POST, path: "/carts/{cart}", auth: required, identity: ada}
  - {id: drop, method: DELETE, path: "/carts/{cart}", auth: required, identity: ada, expect: 204}
thresholds: {max_error_ratio: 0.01}
load:
  shop:
    users: 4
    think_s: 0.2
    duration_s: 3
    warmup_s: 0
    identities: [ada, bob]
    feeders: {people: people.csv}
    setup: [{operation: makeCart, extract: {cart: $.cart}}]
    scenarios:
      buy:
        - {operation: find, query: {q: "{people.name}"}, extract: {item: "$.items[0].id", name: "$.items[0].name"}}
        - {operation: fill, body: {item: "{item}", note: "for {people.name}: {name}"}, think_s: 0.05}
    teardown: [drop]
"""


@pytest.fixture
def shop() -> Iterator[str]:
    """The address of a running shop."""
    command = [sys.executable, str(Path(__file__).with_name("shop_server.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def seen(url: str) -> list[dict[str, Any]]:
    """What the shop saw, in order."""
    with urlopen(f"{url}/seen", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


async def test_users_go_their_ways_and_only_these_are_in_the_numbers(shop: str, tmp_path: Path) -> None:
    """Setup before, teardown after; in between the values of feeders, answers, cookies and identities are each user's own."""
    (tmp_path / "people.csv").write_text("name,age\nada & co,36\nbob,41\n")
    records = await run(shop, PROFILE, tmp_path)
    told = seen(shop)
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    assert (end.cause, end.failed) == ("completed", 0)
    made, found, filled, dropped = (
        [one for one in told if one["method"] == method and one["path"].startswith(path)]
        for method, path in (("POST", "/carts"), ("GET", "/items"), ("POST", "/carts/"), ("DELETE", "/carts/"))
    )
    made = [one for one in made if one["path"] == "/carts"]
    assert len(made) == len(dropped) == 4
    assert told[: len(made)] == made
    assert end.planned == len(found) + len(filled)
    booked = {row.operation for row in records if isinstance(row, LoadSecond)}
    assert booked == {"find", "fill"}
    assert {one["path"] for one in found} == {"/items?q=ada%20%26%20co", "/items?q=bob"}
    assert {json.loads(one["body"])["note"] for one in filled} == {"for ada & co: a/b", "for bob: a/b"}
    owners = {f"session={number}": one["who"] for number, one in enumerate(made, 1)}
    assert {one["who"] for one in made} == {"Bearer ada-token", "Bearer bob-token"}
    assert all(owners[one["cookie"]] == one["who"] for one in (*filled, *dropped))
    assert all(one["path"].endswith("/" + one["cookie"].removeprefix("session=")) for one in (*filled, *dropped))


async def run(shop: str, text: str, folder: Path, processes: int = 1, expires_in_s: float = 3600) -> list[Record]:
    """Drive the phase `shop` of a profile in so many processes; gives what was recorded. Bob's token expires then."""
    (folder / "profile.yaml").write_text(text)
    profile = read_profile(folder / "profile.yaml", {"ADA": "ada-token", "BOB": "bob-token"}).profile
    records: list[Record] = []
    ledger = Ledger(folder / "ledger.ndjson", Redactor(b"k" * 32), records.append)

    async def credential(identity: str) -> Credential:
        header = ("Authorization", f"Bearer {identity}-token")
        facts = {"exp": time.time() + expires_in_s} if identity == "bob" else {}
        return Credential(identity, "bearer", (header,), f"{identity}-token", facts=facts)

    carry_out = partial(shared, processes) if processes > 1 else alone
    site = Site(shop, None, 1, max_connections=50, max_requests=10_000)
    await run_phase(drive_of(profile, "shop", Budget.FULL), site, ledger, credential, carry_out=carry_out)
    ledger.close()
    return records


def shared(
    processes: int, plan: LoadPlan, secrets: Mapping[str, str], stop: asyncio.Event | None
) -> AsyncGenerator[Report, None]:
    """Several processes on this machine."""
    return fleet.drive(plan, secrets, processes=processes, stop=stop)


async def test_what_comes_after_a_token_has_expired_proves_nothing(shop: str, tmp_path: Path) -> None:
    """It is said when the load begins, and no second from then on counts."""
    (tmp_path / "people.csv").write_text("name\nada\n")
    records = await run(shop, PROFILE.replace("duration_s: 3", "duration_s: 1"), tmp_path, expires_in_s=-5)
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    why = "the token of 'bob' expires after 0 s, the phase takes 1 s; nothing from second 0 on counts"
    assert (end.cause, end.proves_until, end.detail) == ("completed", 0, why)
    labels = [record.label if isinstance(record, Observation) else type(record).__name__ for record in records]
    assert labels.index("token expires") < labels.index("LoadSecond")
    assert not any(row.counts for row in records if isinstance(row, LoadSecond))


@pytest.mark.parametrize("processes", [1, 2])
async def test_what_was_set_up_is_torn_down_where_the_setup_of_another_user_fails(
    shop: str, tmp_path: Path, processes: int
) -> None:
    """Also the first steps of the setup that failed, and in the other process; nothing of the load itself was sent."""
    setup = "setup: [{operation: makeCart, extract: {cart: $.cart}}, {operation: only, params: {who: '{user}'}, extract: {}}]"
    text = PROFILE.replace("setup: [{operation: makeCart, extract: {cart: $.cart}}]", setup)
    text = text.replace("  - {id: drop,", '  - {id: only, path: "/only/{who}"}\n  - {id: drop,').replace(
        "users: 4", "users: 2"
    )
    text = text.replace("teardown: [drop]", "teardown: [{operation: only, params: {who: '2'}}, drop]")
    (tmp_path / "people.csv").write_text("name,age\nada,36\n")
    records = await run(shop, text, tmp_path, processes)
    told = seen(shop)
    assert {one["cookie"] for one in told if one["method"] == "DELETE"} == {"session=1", "session=2"}
    assert sum(one["method"] == "DELETE" for one in told) == 2
    assert not [one for one in told if one["path"].startswith("/items")]
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    assert end.planned == 0
    assert "user 0: only: status" in end.detail
    assert end.cause == "setup_failed"
    (gap,) = [record for record in records if isinstance(record, Gap)]
    assert gap.reason is GapReason.SETUP_FAILED
    assert f"the setup of 1 of {2 // processes} users failed: user 0: only: status 404" in gap.detail
    assert "Error" not in gap.detail


@pytest.mark.parametrize(
    "model", ["users: 3\n    duration_s: 20", "rate_rps: 20\n    duration_s: 2\n    max_connections: 3"]
)
async def test_two_processes_use_each_row_once(shop: str, tmp_path: Path, model: str) -> None:
    """Every number is the shop's own; the closed model ends with the last row of all, and that is nobody's failure."""
    text = PROFILE.replace("users: 4\n    think_s: 0.2\n    duration_s: 3", model)
    text = text.replace("people.csv}", "{file: people.csv, order: once}}").replace("think_s: 0.05", "think_s: 0.01")
    names = [f"name{number}" for number in range(40)]
    (tmp_path / "people.csv").write_text("name\n" + "\n".join(names) + "\n")
    records = await run(shop, text, tmp_path, 2)
    told = seen(shop)
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    assert (end.cause, end.planned, end.ok, end.unsent) == ("completed", 80, 80, 0)
    assert sorted(one["path"].removeprefix("/items?q=") for one in told if one["path"].startswith("/items")) == sorted(
        names
    )
    filled = [one for one in told if one["method"] == "POST" and one["path"] != "/carts"]
    assert sorted(json.loads(one["body"])["note"] for one in filled) == sorted(f"for {name}: a/b" for name in names)
    booked = Counter[str]()
    for row in records:
        if isinstance(row, LoadSecond):
            booked[row.operation] += row.ok
    assert booked == {"find": 40, "fill": 40}
    made = [one for one in told if one["path"] == "/carts"]
    assert len(made) == 3
    owners = {f"session={number}": one["who"] for number, one in enumerate(made, 1)}
    assert set(owners.values()) == {"Bearer ada-token", "Bearer bob-token"}
    assert all(owners[one["cookie"]] == one["who"] for one in filled)
    assert sum(one["method"] == "DELETE" for one in told) == 3
    counting = {row.second for row in records if isinstance(row, LoadSecond) and row.counts}
    if "users" in model:
        last = end.proves_until
        assert last is not None
        assert counting == set(range(last))
        assert end.detail == f"the rows of 'people' were used up in second {last}; nothing from second {last} on counts"
    else:
        assert (counting, end.detail) == ({0, 1}, "")


@pytest.mark.parametrize(
    ("q", "place", "told"),
    [
        ("none", "body: {item: '{item}', note: '{name}'}", "nothing to extract at $.items[0].id"),
        ("null", "body: {item: '{item}', note: '{name}'}", "nothing to extract: $.items[0].id is null"),
        ("object", "params: {cart: '{item}'}", "$.items[0].id is no text or number, and 'item' stands in a path"),
        ("object", "body: {item: 'no. {item}', note: '{name}'}", "$.items[0].id is no text or number"),
        ("object", "body: {item: '{item}', note: '{name}'}", ""),
    ],
)
async def test_what_cannot_be_extracted_is_a_failure_of_the_answer_that_lacks_it(
    shop: str, tmp_path: Path, q: str, place: str, told: str
) -> None:
    """And the next request is not sent; a whole value of a JSON body may be an object, as it may in k6 and in Locust."""
    (tmp_path / "people.csv").write_text(f"name\n{q}\n")
    text = PROFILE.replace('body: {item: "{item}", note: "for {people.name}: {name}"}', place).replace(
        "think_s: 0.2", "think_s: 0.4"
    )
    records = await run(shop, text.replace("duration_s: 3", "duration_s: 1"), tmp_path)
    found = [record for record in records if isinstance(record, LoadSecond)]
    by_kind = Counter(
        (row.operation, kind) for row in found for kind, count in row.failed.items() for _ in range(count)
    )
    filled = [json.loads(one["body"]) for one in seen(shop) if one["method"] == "POST" and one["path"] != "/carts"]
    if not told:
        assert filled
        assert all(one == {"item": {"x": 1}, "note": ""} for one in filled)
        return
    assert set(by_kind) == {("find", "extract")}
    assert by_kind.total() == sum(row.planned for row in found) > 0
    assert filled == []
    (example,) = [record for record in records if isinstance(record, Observation) and record.label == "failure.extract"]
    assert told in str(example.values["detail"])


async def test_users_take_turns_where_arrivals_come(shop: str, tmp_path: Path) -> None:
    """However quick the answers are: whoever has rested longest comes next, so that nobody does it all."""
    text = PROFILE.replace(
        "users: 4\n    think_s: 0.2\n    duration_s: 3", "rate_rps: 10\n    duration_s: 2\n    max_connections: 5"
    )
    (tmp_path / "people.csv").write_text("name\nada\nbob\n")
    records = await run(shop, text.replace(", think_s: 0.05", ""), tmp_path)
    by_user = Counter(one["cookie"] for one in seen(shop) if one["method"] == "POST" and one["path"] != "/carts")
    assert set(by_user.values()) == {4}
    assert len(by_user) == 5
    (told,) = [record for record in records if isinstance(record, Observation) and record.label == "used"]
    assert told.values == {"used": {"users": [5, 5], "rows of people": [2, 2]}}


ROWS = (
    PROFILE.replace("[ada, bob]", "{feeder: people, username: name, password: secret}").replace(
        "setup: [{", 'setup: [{operation: find, query: {q: "{people.name}"}}, {'
    )
    + "session: {login: {path: /login, body: {username: '{username}', password: '{password}'}, token: $.token}}\n"
)


async def run_with_logins(
    shop: str, people: str, folder: Path, plans: list[LoadPlan]
) -> tuple[list[Record], bytes, Redactor]:
    """Drive the phase with users who log in with rows, in two processes; also the ledger as it was written, and its masks."""
    (folder / "people.csv").write_text(people)
    (folder / "profile.yaml").write_text(ROWS)
    profile = read_profile(folder / "profile.yaml", {"ADA": "ada-token", "BOB": "bob-token"}).profile
    records: list[Record] = []
    redactor = Redactor(b"k" * 32)
    ledger = Ledger(folder / "ledger.ndjson", redactor, records.append)

    def carry_out(
        plan: LoadPlan, secrets: Mapping[str, str], stop: asyncio.Event | None
    ) -> AsyncGenerator[Report, None]:
        plans.append(plan)
        return shared(2, plan, secrets, stop)

    async with Session(
        base_url=shop, profile=profile, environment=Environment.LOCAL, ledger=ledger, redactor=redactor, run_id="r",
        seed=1, deadline_s=120, started=time.monotonic(),
    ) as session:  # fmt: skip
        site = Site(shop, None, 1, max_connections=50, max_requests=10_000)
        credential = session.view(PREFLIGHT).credential
        await run_phase(drive_of(profile, "shop", Budget.FULL), site, ledger, credential, carry_out=carry_out)
        session.seal_shared()
    ledger.close()
    return records, ledger.path.read_bytes(), redactor


async def test_users_log_in_with_rows_of_a_file(shop: str, tmp_path: Path) -> None:
    """Each with a row of its own, which is its own in every step; passwords go to the login and nowhere else."""
    plans: list[LoadPlan] = []
    people = "name,secret,age\nada,adas pass/word,36\nbob,bobs pass word,41\ncyd,cyds pass word,5\n"
    records, written, redactor = await run_with_logins(shop, people, tmp_path, plans)
    told = seen(shop)
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    assert (end.cause, end.failed) == ("completed", 0)
    logins = [json.loads(one["body"])["username"] for one in told if one["path"] == "/login"]
    assert sorted(logins) == ["ada", "bob", "cyd"]
    filled = [one for one in told if one["path"].startswith("/carts/") and one["method"] == "POST"]
    assert {(one["who"].split("-")[0], json.loads(one["body"])["note"]) for one in filled} == {
        (f"Bearer {name}", f"for {name}: a/b") for name in ("ada", "bob", "cyd")
    }
    assert len({one["cookie"] for one in filled}) == 4
    assert redactor.hits(written) == []
    assert not re.search(rb"pass.word", written)
    (plan,) = plans
    assert not re.search("pass.word", plan.model_dump_json())
    assert not plan.holds_secrets
    assert plan.script is not None
    assert plan.script.feeders[0].rows == ({"name": "ada"}, {"name": "bob"}, {"name": "cyd"})


async def test_a_row_that_cannot_log_in_is_told_by_its_line(shop: str, tmp_path: Path) -> None:
    """The phase is not driven, and undecided; the password stands nowhere."""
    people = "name,secret\nada,adas pass word\n\nstranger,strange pass word\n"
    records, written, redactor = await run_with_logins(shop, people, tmp_path, [])
    (gap,) = [record for record in records if isinstance(record, Gap) and record.stream == "load/shop"]
    assert gap.reason is GapReason.LOGIN_FAILED
    assert gap.detail == "the login of 'shop:people:4' gave no credential (status 401)"
    assert {one["path"] for one in seen(shop)} == {"/login"}
    assert redactor.hits(written) == []


def test_plain_locust_logs_in_and_goes_the_same_ways(shop: str, tmp_path: Path) -> None:
    """Every user is logged in before; login, setup and teardown are not in Locust's statistics."""
    (tmp_path / "people.csv").write_text("name,age\nada,36\n")
    by_password = PROFILE.replace('{token: "env:ADA"}', '{username: ada, password: "env:ADA"}').replace(
        '{token: "env:BOB"}', '{username: bob, password: "env:BOB"}'
    )
    call = "session: {login: {path: /login, body: {username: '{username}', password: '{password}'}, token: $.token}}\n"
    target = f"targets: {{here: {{url: '{shop}', environment: local}}}}\n"
    (tmp_path / "hybridcheck.yaml").write_text(by_password + target + call)
    out = tmp_path / "stats"
    command = [sys.executable, "-m", "locust", "-f", str(data_file("locustfiles", "from_profile.py")), "--headless"]
    done = subprocess.run(
        [*command, "--json-file", str(out)],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "ADA": "first", "BOB": "second"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (written,) = tmp_path.glob("stats*")
    counted = {entry["name"]: entry["num_requests"] for entry in json.loads(written.read_text())}
    told = seen(shop)
    assert counted == {
        "find": sum(one["path"].startswith("/items") for one in told),
        "fill": sum(one["method"] == "POST" and one["path"].startswith("/carts/") for one in told),
    }
    assert {one["who"] for one in told if one["path"] == "/carts"} == {"Bearer ada-first", "Bearer bob-second"}
    assert sum(one["method"] == "DELETE" for one in told) == 4
