"""A lane that is a user: takes its way through a scenario, with what it was told before, its own credentials and cookies.

Lanes of weighted operations know nothing of this. A step's request is booked like any other: the first one at the
arrival's intended start, those after it when the user comes to them. What setup and teardown do is in no numbers.
"""

import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import gevent
from gevent.event import Event

from hybridcheck.errors import HybridcheckError
from hybridcheck.generator import failures
from hybridcheck.generator.answer import LookingReader
from hybridcheck.generator.connection import CHUNK_BYTES
from hybridcheck.generator.cookies import Jar
from hybridcheck.generator.lane import Lane, Run
from hybridcheck.generator.operation import Operation
from hybridcheck.generator.sampling import at, path_of
from hybridcheck.generator.script import NotRendered, Scenario, Script, Step, User, Variables

_clock = time.perf_counter_ns
_AFTER_NO_CONNECTION_S = 0.1
_TEARDOWN_PATIENCE_S = 3.0
"""Less than the time after which the parent ends a child that lingers."""


class SetupFailed(HybridcheckError):
    """Users whose setup the target refused, or did not answer: the load cannot begin."""


class ScriptRun(Run, Protocol):
    """What a user's lane needs of its run beyond what every lane does."""

    scenario_turn: Iterator[Scenario] | None

    def out_of_rows(self, now: int, feeder: str) -> None:
        """A user found no row of a feeder that has not been used."""


class StepReader(LookingReader):
    """A reader that takes over cookies, and takes out of an answer what the step extracts."""

    __slots__ = ("_user", "extract")

    def __init__(self, user: User, looked_into: Any) -> None:
        super().__init__(looked_into)
        self._user = user
        self.extract: Sequence[Any] = ()

    def expect(self, operation: Operation) -> None:
        """The next answer is to a request of this operation; its body is kept where something is taken from it."""
        super().expect(operation)
        self.keeps_body = self.keeps_body or bool(self.extract)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also the cookies that the answer sets."""
        super().on_header(name, value)
        if len(name) == 10 and name.lower() == b"set-cookie" and not self.chunked:
            self._user.keep_cookie(value.decode("latin-1"))

    def look(self) -> None:
        """An answer without what the next steps need is not the right one."""
        super().look()
        if self.problem is None and self.extract:
            fault = self._extract()
            if fault:
                self.problem, self.detail = failures.EXTRACT, fault[:200]

    def _extract(self) -> str:
        """Take over what the next steps need; in words, why not, or empty."""
        try:
            document = json.loads(self.readable_body())
        except (ValueError, RecursionError) as wrong:
            return f"nothing to extract: the body is no JSON: {wrong}"
        for name, keys, in_text in self.extract:
            try:
                value = at(document, keys)
            except (LookupError, TypeError):
                return f"nothing to extract at {path_of(keys)}"
            if value is None:
                return f"nothing to extract: {path_of(keys)} is null"
            if in_text and isinstance(value, dict | list):
                return f"{path_of(keys)} is no text or number, and '{name}' stands in a path, a header or a text"
            self._user.variables[name] = value
        return ""


class UserLane(Lane):
    """One virtual user with at most one connection."""

    def __init__(self, run: ScriptRun, script: Script, index: int) -> None:
        super().__init__(run, index)
        number = index * script.share[1] + script.share[0]
        headers = script.users[number % len(script.users)] if script.users else ()
        self._script_run, self.script = run, script
        jar = Jar(run.orders.host, secure=run.orders.tls)
        self.user = User(number, headers, random.Random(f"{script.seed}/user/{number}"), cookies=jar)
        self._own = {scenario.index: tuple(step.own() for step in scenario.steps) for scenario in script.scenarios}
        self._prepared: Variables = {name: rows[number % len(rows)] for name, rows in script.belongings.items()}
        self.ready = Event()
        self.trouble = ""
        self.owes_teardown = not script.setup
        self._step: Step | None = None
        self._begun = self.went_well = False
        self._why = ""

    def begin(self) -> None:
        """Start taking arrivals; a user that was set up before waits for this."""
        if not self._begun:
            self._begun = True
            self.greenlet.start()
            return
        self._run.hub.loop.run_callback(self.greenlet.switch, "begin")

    def set_up(self) -> None:
        """Do the setup, before the clock starts; `ready` is set when it is done, `trouble` says what went wrong."""
        self._begun = True
        self.greenlet.start()

    def _live(self) -> None:
        if self.script.setup:
            self.user.begin((), self._prepared)
            self.user.iterations = 0
            for step in self.script.setup:
                self.trouble = self._unbooked(step)
                if self.trouble:
                    break
                self.owes_teardown = True
            self._prepared = {k: v for k, v in self.user.variables.items() if k not in {"user", "iteration"}}
            self.ready.set()
            while self._wait() != "begin":
                self._receive_or_close()
        self._live_on()

    def _live_on(self) -> None:
        """As `Lane._live`, with whole scenarios in the place of single requests."""
        run, orders, origin = self._script_run, self._run.orders, self._run.origin_ns
        turn = run.scenario_turn
        assert turn is not None
        now = _clock() - origin
        while True:
            intended = run.pace.take(self.index, now)
            if intended < 0:
                now = self._stand_by(intended)
                continue
            if orders.open_model:
                self._book_lag(intended, now)
            now = self._go_through(next(turn), intended, now)
            if not orders.open_model and self._refused:
                self._pause(_AFTER_NO_CONNECTION_S)
                self._refused = False  # of a request that could not be made, no connection will say so
                now = _clock() - origin

    def _go_through(self, scenario: Scenario, intended: int, now: int) -> int:
        """One iteration; it ends with the first step that fails, and when the phase is over."""
        pace, origin = self._run.pace, self._run.origin_ns
        steps = self._own[scenario.index]
        if not self.user.begin(scenario.feeders, self._prepared):
            self._script_run.out_of_rows(now, self.user.lacking)
            return now
        for number, step in enumerate(steps):
            if number:
                turn = pace.turn_at(now)
                if turn > now:
                    self._pause_until(turn)
                    now = _clock() - origin
                if not pace.goes_on(now):
                    break
                intended = now
            now, good = self._take(step, intended, now)
            if not good:
                break
            least, most = step.think_s
            if most and number + 1 < len(steps):
                self._pause(self.user.dice.uniform(least, most))
                now = _clock() - origin
        return now

    def _take(self, step: Step, intended: int, now: int) -> tuple[int, bool]:
        """Send one step's request and book its outcome; gives the time after it, and whether the user may go on."""
        operation = step.operation
        try:
            operation.request = self.user.request(step)
        except NotRendered as wrong:
            cell = operation.book.cell_at(intended)
            cell.planned += 1
            cell.failed[failures.OTHER] = cell.failed.get(failures.OTHER, 0) + 1
            self._why = f"the request could not be made: {wrong}"
            self._run.example(operation, intended, failures.OTHER, self._why)
            self._refused = True  # at once again, it would go round without ever letting anybody else act
            return now, False
        self._step = step
        if self._connection is not None:
            self._tell_reader()
        self.went_well, self._why = True, ""
        now = self._exchange(operation, intended, now)
        return now, self.went_well

    def _book_failure(self, operation: Operation, cell: Any, intended: int, problem: str | None) -> None:
        self.went_well = False
        self._why = self._why or ("the answer came after the deadline" if problem is None else self._reader.detail)
        super()._book_failure(operation, cell, intended, problem)

    def _failed(self, operation: Operation, intended: int, error: Exception) -> str:
        self._why = failures.named(error)[1]
        return super()._failed(operation, intended, error)

    def _new_reader(self) -> StepReader:
        return StepReader(self.user, self._looked_into)

    def _connect(self) -> None:
        super()._connect()
        self._tell_reader()

    def _tell_reader(self) -> None:
        assert isinstance(self._reader, StepReader)
        self._reader.extract = self._step.extract if self._step is not None else ()

    def _receive_or_close(self) -> None:
        """Bytes that nobody asked for, or the target's goodbye."""
        try:
            self._receive(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close()

    def _unbooked(self, step: Step) -> str:
        """Send a step whose book nobody reports; gives in words what went wrong."""
        step.operation.book.examples = _Everything()
        now = _clock() - self._run.origin_ns
        _, good = self._take(step.own(), now, now)
        return "" if good else f"user {self.user.number}: {step.operation.name}: {self._why}"

    def tear_down(self) -> None:
        """Do the teardown after the end, in a greenlet of its own; the user keeps what it knew at its last step.

        A step that fails, or needs what a broken off setup did not give, does not keep the others from being done.
        """
        self._close()
        self.deadline_ns = 0
        try:
            for step in self.script.teardown:
                self._unbooked(step)
        finally:
            self._close()


def set_up(lanes: Sequence[Lane], deadline_ns: int) -> None:
    """Let every user do its setup, all at once, before the clock starts.

    Raises:
        SetupFailed: one of them could not; nothing has been sent that counts, and what was set up is torn down.
    """
    users = [lane for lane in lanes if isinstance(lane, UserLane)]
    for user in users:
        user.set_up()
    patience_s = deadline_ns / 1e9 * max(len(users[0].script.setup), 1)
    gevent.wait([user.ready for user in users], timeout=patience_s)
    late = [f"user {user.user.number}: no answer within {patience_s:g} s" for user in users if not user.ready.is_set()]
    trouble = late + [user.trouble for user in users if user.trouble]
    if trouble:
        tear_down(lanes)
        told = failures.writable("; ".join(trouble[:3]))
        raise SetupFailed(f"the setup of {len(trouble)} of {len(users)} users failed: {told}")


def tear_down(lanes: Sequence[Lane]) -> None:
    """Let every user of whose setup a step was done do its teardown, once; what does not end in time is left."""
    users = [lane for lane in lanes if isinstance(lane, UserLane)]
    for user in users:
        user.greenlet.kill(block=False)
    owing = [user for user in users if user.owes_teardown]
    for user in owing:
        user.owes_teardown = False
        user.greenlet = gevent.spawn(user.tear_down)
    gevent.joinall([user.greenlet for user in owing], timeout=_TEARDOWN_PATIENCE_S)
    for user in owing:
        user.greenlet.kill(block=False)


class _Everything(set[str]):
    """All kinds of failures are known: none is told."""

    def __contains__(self, kind: object) -> bool:
        return True
