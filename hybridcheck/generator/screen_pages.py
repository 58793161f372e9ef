"""What we add to Locust's web UI, and what we take away: limits, processes, runs and verdicts; no cross-origin, no free target.

Locust's UI serves every origin, in debug mode, without login, and sends wherever its form says. Here it answers only to its
own pages, the target is fixed, and beyond loopback one has to log in.
"""

import hmac
import json
import re
import secrets
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import gevent
from flask import Response, abort, make_response, redirect, request, session
from flask_login import login_user  # type: ignore[import-untyped]

USER = "hybridcheck"
MOST_RUNS = 100
LISTED_RUNS = 10
"""Beside a verdict; the others are one link away."""

REFUSED_PAUSE_S = 1.0
IDLE = frozenset({"ready", "stopped"})
"""States of Locust's runner in which nothing is under way."""

_OF_THE_LAST = {"verdict": "verdict", "fresh": "run_id", "phase": "phase"}
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_BAR = r"""
<style>
body { padding-bottom: 3.5rem }
/* what means nothing here: users and target are the profile's */
.MuiFormControl-root:has(input[name="userCount"], input[name="spawnRate"], input[name="host"]),
.MuiContainer-maxWidthMd > .MuiBox-root:has(table), form .MuiAccordion-root, a:has(img[alt="Microsoft"]) { display: none }
</style>
<div id="hybridcheck-bar" style="position:fixed;bottom:0;left:0;right:0;z-index:9999;padding:.5rem 1rem;background:#1b1f24;
color:#fff;font:15px/1.5 system-ui,sans-serif;display:flex;gap:1.5rem;align-items:center"><b>hybridcheck</b>
<span id="hybridcheck-words"></span><a id="hybridcheck-verdict" href="verdict" style="color:#7cc4ff;margin-left:auto"></a>
<a id="hybridcheck-all" href="verdicts" style="color:#7cc4ff" hidden>all verdicts</a></div>
<script>
let hybridcheckRun;
const hybridcheckId = /^\d{8}T\d{6}Z-[0-9a-f]+$/;
async function hybridcheckLook() {
  try {
    const seen = await (await fetch("hybridcheck/state")).json();
    hybridcheckRun ??= seen.run;
    if (seen.run !== hybridcheckRun) return location.reload(); // each run has its own page: charts begin anew
    document.getElementById("hybridcheck-words").textContent = seen.words;
    const link = document.getElementById("hybridcheck-verdict");
    link.textContent = seen.verdict ? "last verdict: " + seen.phase + ": " + seen.verdict : "";
    document.getElementById("hybridcheck-all").hidden = !seen.verdict;
    if (seen.busy) sessionStorage.hybridcheckSaw = seen.run;
    else if (sessionStorage.hybridcheckSaw) { // only a run that this tab saw under way takes it to its verdict
      const saw = Number(sessionStorage.hybridcheckSaw);
      delete sessionStorage.hybridcheckSaw;
      if (saw === seen.run && seen.judged === saw) location.href = "verdict/" + seen.fresh;
      else location.reload();
    }
    for (const tab of document.querySelectorAll('[role="tab"]')) {
      if (tab.textContent === "Current Ratio") tab.style.display = "none"; // of users, and there are none
    }
    for (const cell of document.querySelectorAll("td")) if (hybridcheckId.test(cell.textContent)) {
      cell.style.cssText = "cursor:pointer;text-decoration:underline"; // a link, without touching what React has made
    }
  } catch (error) {
    document.getElementById("hybridcheck-words").textContent = "hybridcheck has ended; the evidence is on disk";
  }
}
document.addEventListener("click", (event) => {
  if (event.target.tagName === "TD" && hybridcheckId.test(event.target.textContent)) {
    location.href = "verdict/" + event.target.textContent;
  }
});
hybridcheckLook(); setInterval(hybridcheckLook, 1000);
</script>
"""
_NAV = """<nav style="display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;padding:.5rem 0;border-bottom:1px solid #d0d7de"><a href="{back}">Back to the load
test</a><a href="{at}/verdict.json" download>Download JSON</a><a href="{at}/verdict.html" download>Download HTML</a>{others}</nav>"""

TABS = [
    {"title": "Limits", "key": "limits"},
    {"title": "Processes", "key": "processes"},
    {"title": "Verdicts", "key": "verdicts"},
]
TABLES = [
    {
        "key": "limits",
        "structure": [
            {"key": "name", "title": "Limit"},
            {"key": "allowed", "title": "Allowed"},
            {"key": "seen", "title": "So far"},
            {"key": "bounds", "title": "Bounds"},
            {"key": "state", "title": "As it stands (the verdict comes at the end)"},
        ],
    },
    {
        "key": "processes",
        "structure": [
            {"key": "name", "title": "Generator process"},
            {"key": "cpu", "title": "CPU"},
            {"key": "lag", "title": "Own start lag p99 (ms)"},
            {"key": "offered", "title": "Arrivals due / s"},
            {"key": "sent", "title": "Begun / s"},
        ],
    },
    {
        "key": "verdicts",
        "structure": [
            {"key": "run_id", "title": "Run"},
            {"key": "phase", "title": "Phase"},
            {"key": "verdict", "title": "Verdict"},
            {"key": "folder", "title": "Evidence"},
        ],
    },
]


@dataclass
class Shown:
    """What the pages show at this moment."""

    given: dict[str, Any]
    words: str = "choose a phase of the profile under Shape, and start"
    limits: list[dict[str, Any]] = field(default_factory=list)
    processes: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    begun: int = 0
    judged: int = 0
    """The number of the run that is under way or was the last, and of the last that has a verdict."""

    def health(self, second: dict[str, Any]) -> None:
        """The health of the generator's processes in its last second."""
        parts = second["processes"] or [{**second, "name": "0"}]
        self.processes = [
            {
                "name": part["name"],
                "cpu": f"{part['cpu_ratio']:.0%}",
                "lag": "" if part["own_lag_p99_ns"] is None else f"{part['own_lag_p99_ns'] / 1e6:.2f}",
                "offered": part["offered"],
                "sent": part["sent"],
            }
            for part in parts
        ]

    def add_run(self, run: dict[str, Any]) -> None:
        """A run has its verdict."""
        self.runs = [*self.runs, run][-MOST_RUNS:]
        self.words, self.judged = f"{run['phase']}: {run['verdict']}", self.begun

    def tables(self) -> list[dict[str, Any]]:
        """The rows of our tabs."""
        runs = [{name: run[name] for name in ("run_id", "phase", "verdict", "folder")} for run in reversed(self.runs)]
        return [
            {"key": "limits", "data": self.limits},
            {"key": "processes", "data": self.processes},
            {"key": "verdicts", "data": runs},
        ]


class _Person:
    """Whoever knows the password, as Flask-Login wants it."""

    is_authenticated = is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """There is one."""
        return USER


class Pages:
    """Attaches everything to Locust's Flask application."""

    def __init__(self, ui: Any, runner: Any, shown: Shown, given: dict[str, Any]) -> None:
        self._ui, self._runner, self._shown, self._given = ui, runner, shown, given
        self._locusts_arguments = ui.update_template_args

    def attach(self) -> None:
        """Close what Locust leaves open, then add our pages."""
        app = self._ui.app
        app.debug = False
        app.secret_key = secrets.token_bytes(32)
        app.config.update(SESSION_COOKIE_SAMESITE="Strict", SESSION_COOKIE_HTTPONLY=True)
        app.before_request(self._refuse_strangers)
        app.after_request_funcs.setdefault(None, []).insert(0, self._close)  # the first is the last to run
        app.after_request(self._extend)
        self._ui.update_template_args = self._arguments
        guarded = self._ui.auth_required_if_enabled
        app.add_url_rule("/hybridcheck/state", "hc_state", guarded(self._state))
        app.add_url_rule("/verdict", "hc_verdict", guarded(self._latest))
        app.add_url_rule("/verdicts", "hc_verdicts", guarded(self._verdicts))
        app.add_url_rule("/verdict/<run_id>", "hc_run", guarded(self._run))
        app.add_url_rule("/verdict/<run_id>/<name>", "hc_file", guarded(self._file))
        if self._given["password"] is not None:
            self._ui.login_manager.user_loader(lambda name: _Person() if name == USER else None)
            self._ui.auth_args = {"username_password_callback": "/hybridcheck/login"}
            app.add_url_rule("/hybridcheck/login", "hc_login", self._login, methods=["POST"])

    def _refuse_strangers(self) -> Response | None:
        """Only our own pages may ask, and only for what may be asked; None lets a request pass."""
        host = request.host
        named = re.sub(r":\d+$", "", host).strip("[]")
        if self._given["password"] is None and named not in {*LOOPBACK, self._given["host"]}:
            return make_response("this address is not mine", 403)  # DNS rebinding
        origin = request.headers.get("Origin")
        own = {f"http://{host}", f"https://{host}"}
        if request.path == "/stats/requests":  # or Locust would tell for two seconds what was true before
            self._ui.app.view_functions["locust.request_stats"].clear_cache()
        foreign = origin is not None and origin not in own
        if foreign or request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return make_response("cross-origin requests are closed", 403)
        if request.path == "/user":
            return make_response("users cannot be changed here", 403)
        if request.path == "/swarm" and request.method == "POST":
            return self._swarm()
        return None

    def _swarm(self) -> Response:
        """Start the chosen phase and nothing else, towards the target of the profile and no other."""
        return make_response(self._ui.auth_required_if_enabled(self._start)())

    def _start(self) -> Response:
        target = self._given["target"]
        phase = request.form.get("shape_class", "")
        if request.form.get("host", target).rstrip("/") not in {target.rstrip("/"), ""}:
            return _answer(success=False, message=f"the target is fixed: {target}", host=target)
        if phase not in self._ui.environment.available_shape_classes:
            return _answer(success=False, message="choose a phase of the profile under Shape", host=target)
        if self._runner.state not in IDLE:
            return _answer(success=False, message="a phase is under way", host=target)
        self._ui.environment.shape_class = self._ui.environment.available_shape_classes[phase]
        self._shown.words, self._shown.limits, self._shown.processes = f"{phase}: getting ready", [], []
        self._shown.begun += 1
        self._runner.start_shape()
        return _answer(success=True, message=f"phase {phase} begins", host=target)

    def _arguments(self) -> None:
        """What Locust's page is rendered with: phases are the shapes, the target is fixed, our tabs are there."""
        self._locusts_arguments()
        phases = list(self._ui.environment.available_shape_classes)
        self._ui.template_args |= {
            "available_shape_classes": phases,
            "hide_common_options": True,
            "shape_use_common_options": True,  # or choosing the first shape would ask for users
            "extra_options": {},
            "extended_tabs": TABS,
            "extended_tables": TABLES,
        }

    @staticmethod
    def _close(response: Response) -> Response:
        """The last word on every answer: no other origin may read it or frame it."""
        for name in {name for name, _ in response.headers if name.lower().startswith("access-control-")}:
            del response.headers[name]
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def _extend(self, response: Response) -> Response:
        if request.path == "/stats/requests" and response.is_json:
            seen = response.get_json()
            response.set_data(json.dumps({**seen, "extended_stats": self._shown.tables()}))
        elif request.path == "/" and response.mimetype == "text/html" and response.status_code == 200:
            response.set_data(response.get_data(as_text=True).replace("</body>", _BAR + "</body>"))
        return response

    def _state(self) -> Response:
        """What the bar at the bottom shows."""
        last = self._shown.runs[-1] if self._shown.runs else None
        shown, busy = self._shown, self._runner.state not in IDLE
        seen = {name: last and last[key] for name, key in _OF_THE_LAST.items()}
        return _answer(**seen, words=shown.words, busy=busy, run=shown.begun, judged=shown.judged)

    def _latest(self) -> Response:
        if not self._shown.runs:
            return make_response(
                f"<p>No run has ended yet. <a href='./'>Back</a></p><p>{escape(self._shown.words)}</p>"
            )
        return make_response(redirect(f"/verdict/{self._shown.runs[-1]['run_id']}"))

    def _folder(self, run_id: str) -> Path:
        found = next((run for run in self._shown.runs if run["run_id"] == run_id), None)
        if found is None:
            abort(404)
        return Path(found["folder"])

    def _run(self, run_id: str) -> Response:
        """The verdict's page with a way back and the downloads."""
        page = (self._folder(run_id) / "verdict.html").read_text(encoding="utf-8")
        others = [run for run in reversed(self._shown.runs) if run["run_id"] != run_id]
        links = "".join(_link(run) for run in others[:LISTED_RUNS])
        if len(others) > LISTED_RUNS:
            links += f'<a href="/verdicts">all {len(others) + 1} verdicts</a>'
        nav = _NAV.format(back="/", at=f"/verdict/{escape(run_id)}", others=links)
        return make_response(page.replace("<body>", "<body>\n" + nav, 1))

    def _verdicts(self) -> Response:
        """All runs of this session, the last one first."""
        rows = "".join(f"<li>{_link(run)}</li>" for run in reversed(self._shown.runs))
        nav = '<p><a href="/">Back to the load test</a></p>'
        style = "font:15px/1.7 system-ui,sans-serif;margin:1rem 2rem"
        return make_response(
            f'<!doctype html><title>Verdicts</title><body style="{style}">{nav}<ol reversed>{rows}</ol>'
        )

    def _file(self, run_id: str, name: str) -> Response:
        """A download."""
        if name not in {"verdict.json", "verdict.html"}:
            abort(404)
        response = make_response((self._folder(run_id) / name).read_bytes())
        response.mimetype = "application/json" if name.endswith("json") else "text/html"
        response.headers["Content-Disposition"] = f'attachment; filename="{run_id}-{name}"'
        return response

    def _login(self) -> Response:
        """The password is compared in constant time; a wrong one costs a second."""
        given = request.form.get("password", "").encode()
        if request.form.get("username") == USER and hmac.compare_digest(given, self._given["password"].encode()):
            login_user(_Person())
            return make_response(redirect("/"))
        gevent.sleep(REFUSED_PAUSE_S)
        session["auth_error"] = "Invalid username or password"
        return make_response(redirect("/login"))


def _link(run: dict[str, Any]) -> str:
    """A run as a link: when it began (UTC, as its id says), its phase and its verdict."""
    id_, began = escape(run["run_id"]), run["run_id"][9:15]
    shown = f"{began[:2]}:{began[2:4]}:{began[4:]} {run['phase']}: {run['verdict']}"
    return f'<a href="/verdict/{id_}">{escape(shown)}</a>'


def _answer(**fields: Any) -> Response:
    response = make_response(json.dumps(fields))
    response.mimetype = "application/json"
    return response
