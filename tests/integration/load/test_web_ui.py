"""The web UI over plain HTTP: what is open, what is closed, and what the buttons do."""

import json
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from hybridcheck.cli.generators import Ui
from hybridcheck.cli.serving import _password
from hybridcheck.errors import UsageError
from tests.integration.load.conftest import Target
from tests.integration.load.web_ui import ENDLESS, serving_ui

pytestmark = pytest.mark.timeout(400)  # two runs begin and end, each with its processes


def sent_by(folder: Path) -> int:
    """How many arrivals the seconds of a ledger add up to."""
    records = map(json.loads, (folder / "ledger.ndjson").read_text().splitlines())
    return sum(record["planned"] for record in records if record["kind"] == "load_second")


def test_start_stop_reset_and_ctrl_c(target: Target, tmp_path: Path) -> None:
    """Each start is a run with a folder; Stop and Ctrl-C end it undecided; Reset is for the eyes; nothing is left."""
    with serving_ui(target, tmp_path) as ui:
        process = psutil.Process(ui.process.pid)
        rebound = httpx.get(f"{ui.url}/stats/requests", headers={"Host": "evil.invalid:80"})
        assert rebound.status_code == 403  # a name that was rebound to loopback
        refused = ui.start("Default")
        elsewhere = ui.start(ENDLESS, host="http://example.invalid")
        assert ui.start(ENDLESS)["success"]
        ui.wait_for("under load")
        again = ui.start(ENDLESS)
        assert (refused["success"], elsewhere["success"], again["success"]) == (False, False, False)
        assert "the target is fixed" in elsewhere["message"]
        httpx.post(f"{ui.url}/stats/reset")
        httpx.post(f"{ui.url}/stop")
        ui.wait_for("endless: INCONCLUSIVE")
        run_id = ui.state()["fresh"]
        page = httpx.get(f"{ui.url}/verdict", follow_redirects=True)
        assert page.url.path == f"/verdict/{run_id}"
        assert "INCONCLUSIVE" in page.text
        downloaded = httpx.get(f"{ui.url}/verdict/{run_id}/verdict.json")
        assert downloaded.json()["run"]["run_id"] == run_id
        assert httpx.get(f"{ui.url}/verdict/{run_id}/ledger.ndjson").status_code == 404
        assert httpx.get(f"{ui.url}/verdict/..%2F..%2Fetc/verdict.json").status_code == 404
        ui.start(ENDLESS)
        ui.wait_for("under load")
        family = process.children(recursive=True)
        assert len(family) >= 2
        assert ui.end(signal.SIGINT) == 130
        _, left = psutil.wait_procs(family, timeout=10)
        assert not left
    first, second = ui.verdicts()
    assert (first["verdict"], second["verdict"]) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert any(reason["code"] == "INTERRUPTED" for reason in second["reasons"])
    was_stopped_by_hand(first)
    assert 0 < sent_by(ui.results / run_id) <= target.counts()["/ok"]  # Reset has taken nothing away


def was_stopped_by_hand(verdict: dict[str, Any]) -> None:
    """Nobody was lost: somebody pressed Stop; the limits are undecided by it, and recovery can be asked all the same."""
    (stopped,) = verdict["load"]
    assert stopped["cause"] == "aborted"
    codes = {reason["case"]: reason["code"] for reason in verdict["reasons"]}
    assert set(codes.values()) == {"INTERRUPTED"}
    assert "load.latency-limit[endless]" in codes
    assert not [case for case in codes if "recovery" in case]
    assert all("stopped by hand after" in reason["message"] for reason in verdict["reasons"])


def test_other_origins_are_closed_and_a_login_can_be_asked_for(target: Target, tmp_path: Path) -> None:
    """No CORS, no foreign origin, no rebinding, no debugger; with a password nothing is served without it."""
    with serving_ui(target, tmp_path, "--ui-password", "env:UI_PASSWORD", UI_PASSWORD="open-sesame-1") as ui:
        for path in ("/", "/stats/requests", "/verdict", "/hybridcheck/state", "/logs"):
            answer = httpx.get(f"{ui.url}{path}")
            assert answer.status_code in {302, 401}, path
        assert httpx.post(f"{ui.url}/swarm", data={"shape_class": ENDLESS}).status_code in {302, 401}
        with httpx.Client(base_url=ui.url, follow_redirects=True) as client:
            wrong = client.post("/hybridcheck/login", data={"username": "hybridcheck", "password": "open-sesame"})
            assert wrong.url.path == "/login"
            right = client.post("/hybridcheck/login", data={"username": "hybridcheck", "password": "open-sesame-1"})
            assert (right.url.path, right.status_code) == ("/", 200)
            assert "hybridcheck-bar" in right.text
            seen = client.get("/stats/requests", headers={"Origin": ui.url})
            assert [table["key"] for table in seen.json()["extended_stats"]] == ["limits", "processes", "verdicts"]
            assert not [name for name in seen.headers if name.startswith("access-control")]
            assert seen.headers["X-Frame-Options"] == "DENY"
            for headers in ({"Origin": "http://evil.invalid"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
                answer = client.post("/swarm", data={"shape_class": ENDLESS}, headers=headers)
                assert answer.status_code == 403
                assert not [name for name in answer.headers if name.startswith("access-control")]
            assert client.post("/user", content="{}").status_code == 403
            assert client.get("/console").status_code == 404  # where a debugger would be


def test_an_address_that_is_not_loopback_is_never_without_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password is made up, or comes from a variable that is set; on loopback there is none unless asked for."""
    assert _password(Ui(ui_host="127.0.0.1")) is None
    assert len(_password(Ui(ui_host="0.0.0.0")) or "") >= 16
    assert len(_password(Ui(ui_host="build-host.example")) or "") >= 16
    monkeypatch.setenv("UI_WORD", "sesame")
    assert _password(Ui(ui_password="env:UI_WORD")) == "sesame"
    for wrong in ("sesame", "env:NOT_SET"):
        with pytest.raises(UsageError, match="variable"):
            _password(Ui(ui_password=wrong))
