"""Plain Locust, driven by a profile: `HYBRIDCHECK_PROFILE=hybridcheck.yaml locust -f from_profile.py --headless`.

There is one user class for each load phase of the profile, named after it (`rush` becomes `RushPhase`); name them on the
command line or pick them with `--class-picker`. The phases run one after the other, each with exactly the arrivals, users
and operations that `hybridcheck load` would drive (budget full), and a headless Locust quits after the last. The target is
`-H`, else the one that the profile declares. Nothing is judged here.

It is for one process: Locust's master deals out users, not arrivals. `hybridcheck load --processes N` and `--master` do.

Scenarios, feeders, identities per user, setup and teardown are those of `hybridcheck load`. Whoever has to log in does so
before the phase begins; that is in no statistics.
"""

import base64
import json
import os
import ssl
import sys
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import gevent
from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from hybridcheck.cases import Budget
from hybridcheck.errors import HybridcheckError
from hybridcheck.generator.plain_locust import PlainRun
from hybridcheck.generator.plain_options import asked_of, refuse
from hybridcheck.load.credentials import senders
from hybridcheck.load.phase import Site, plan_of
from hybridcheck.paths import value_at
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.lookup import choose_target
from hybridcheck.profile.models import Identity, Profile, SessionCall
from hybridcheck.profile.reading import read_profile
from hybridcheck.profile.row_identities import row_identities
from hybridcheck.profile.templates import filled

PATH = Path(os.environ.get("HYBRIDCHECK_PROFILE", "hybridcheck.yaml"))


def _profile() -> Profile:
    """The profile, or an end with what is wrong with it."""
    try:
        profile = read_profile(PATH, os.environ).profile
    except HybridcheckError as error:
        where = "" if error.where in error.message else f"{error.where}: "
        refuse(f"{where}{error.message}", error.hint or "HYBRIDCHECK_PROFILE=FILE says where the profile is")
    if not profile.load:
        refuse(f"{PATH} has no load phase", "declare one under load:, or use hybrid.py, which needs no profile")
    return profile


PROFILE = _profile()

LOGIN_PATIENCE_S = 15

_runs: list[PlainRun] = []
_to_do: list[str] = []


def _secret_of(name: str, profile: Profile, base_url: str, ca_file: str | None) -> tuple[str, str]:
    """Header and value that an identity is known by; it logs in where it has to.

    Raises:
        ValueError: the login gave nothing to be known by.
    """
    identity: Identity = {**profile.identities, **row_identities(profile)}[name]
    if identity.api_key is not None:
        return identity.api_key.header, identity.api_key.value.get_secret_value()
    if identity.basic is not None:
        pair = f"{identity.basic.username}:{identity.basic.password.get_secret_value()}"
        return "Authorization", "Basic " + base64.b64encode(pair.encode()).decode()
    if identity.token is not None:
        header, prefix = (
            (profile.session.header, profile.session.prefix) if profile.session else ("Authorization", "Bearer ")
        )
        return header, prefix + identity.token.get_secret_value()
    if profile.session is None or identity.password is None:
        raise ValueError(f"nothing says how '{name}' logs in")
    answer = _login(profile.session.login, identity, base_url, ca_file)
    if profile.session.login.cookie is not None:
        return "Cookie", f"{profile.session.login.cookie}={answer}"
    return profile.session.header, profile.session.prefix + answer


def _login(call: SessionCall, identity: Identity, base_url: str, ca_file: str | None) -> str:
    """The token or cookie of one login.

    Raises:
        ValueError: the answer is not as declared.
    """
    password = identity.password.get_secret_value() if identity.password else ""
    words = filled(call.body or {}, {"username": identity.username or "", "password": password})
    body = urlencode(words) if call.form else json.dumps(words)
    kind = "application/x-www-form-urlencoded" if call.form else "application/json"
    request = Request(base_url.rstrip("/") + call.path, body.encode(), {"Content-Type": kind}, method=call.method)  # noqa: S310 - the target's own scheme
    context = ssl.create_default_context(cafile=ca_file) if base_url.startswith("https:") else None
    with urlopen(request, timeout=LOGIN_PATIENCE_S, context=context) as answer:  # noqa: S310 - as above
        status, headers, text = answer.status, answer.headers, answer.read()
    if status not in call.expect:
        raise ValueError(f"the login answered {status}")
    if call.cookie is not None:
        morsels = SimpleCookie("; ".join(headers.get_all("Set-Cookie") or ()))
        if call.cookie not in morsels:
            raise ValueError(f"the login set no cookie '{call.cookie}'")
        return morsels[call.cookie].value
    token = value_at(json.loads(text), call.token or "$")
    if isinstance(token, str):
        return token
    raise ValueError(f"the login gave no token at {call.token}")


def _run(environment: Environment, phase: str) -> PlainRun:
    """The run of a phase, as `hybridcheck load` would plan it."""
    drive = drive_of(PROFILE, phase, Budget.FULL)
    target = choose_target(environment.host or None, PROFILE, None)
    limits = PROFILE.limits
    most = (limits.max_connections, limits.max_requests)
    site = Site(target.url, target.tls.ca_file, 0, *most, max_rps=limits.max_rps)
    headers = {name: _secret_of(name, PROFILE, target.url, target.tls.ca_file) for name in sorted(senders(drive))}
    named: dict[str, tuple[tuple[str, str], ...]] = {name: ((header, name),) for name, (header, _) in headers.items()}
    plan = plan_of(drive, site, named).model_copy(update={"window_s": 1})
    bodies = {operation.name: operation.body for operation in plan.operations}
    secrets = {name: value for name, (_, value) in headers.items()}
    return PlainRun(environment, plan.model_dump(mode="json"), secrets, bodies, following=False)


@events.init_command_line_parser.add_listener
def _one_process_only(parser: LocustArgumentParser) -> None:
    """Each of Locust's workers would send the whole load: refuse them."""
    asked = asked_of(parser)
    if asked is not None and (asked.processes or asked.master or asked.worker):
        refuse(
            "plain Locust cannot share the load of a profile among processes: each would send all of it",
            "hybridcheck load --processes N on one machine, hybridcheck load --master on several",
        )


@events.test_start.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    """What is to be done: the phases whose classes were chosen, in the order of the profile."""
    chosen = {user.phase for user in environment.user_classes if issubclass(user, _PhaseUser)}
    _to_do[:] = [phase for phase in PROFILE.load if phase in chosen]


@events.test_stop.add_listener
def _end(**_: Any) -> None:
    """Wait for the last answers, so that the statistics are complete."""
    while _runs:
        _runs.pop().stop()


class _PhaseUser(User):
    """The first user that Locust starts carries out all chosen phases, each with all its connections.

    Locust's number of users means nothing here: the profile says how many there are.
    """

    abstract = True
    phase = ""

    @task
    def carry_out_the_phases(self) -> None:
        """Run phase after phase to its end; after the last a headless Locust quits, and one with a UI stops."""
        mine = bool(_to_do)
        while _to_do:
            phase = _to_do.pop(0)
            try:
                run = _run(self.environment, phase)
            except Exception as error:  # noqa: BLE001  Locust would call this again, and wait for ever
                _give_up(self.environment, phase, error)
                break
            _runs.append(run)
            run.done.wait()
        if mine:
            runner = self.environment.runner
            gevent.spawn(runner.quit if self.environment.web_ui is None else runner.stop)
        gevent.sleep(365 * 86_400)


def _give_up(environment: Environment, phase: str, error: Exception) -> None:
    """A phase cannot begin: it is said, no other one is begun, and Locust ends with exit code 2."""
    _to_do.clear()
    environment.process_exit_code = 2
    name = "" if isinstance(error, HybridcheckError) else f"{type(error).__name__}: "
    advice = "see that the target is up and lets its identities log in"
    sys.stderr.write(f"hybridcheck: the load phase '{phase}' cannot begin: {name}{error}\n  what to do: {advice}\n")


def _class_name(phase: str) -> str:
    return "".join(part.capitalize() for part in phase.replace(".", "_").replace("-", "_").split("_")) + "Phase"


for _phase in PROFILE.load:
    globals()[_class_name(_phase)] = type(_class_name(_phase), (_PhaseUser,), {"phase": _phase, "abstract": False})
