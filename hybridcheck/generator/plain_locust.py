"""The lean user under plain Locust: no parent, no plan on a pipe; Locust says how many users there are and keeps the numbers.

`locustfiles/` is built on this. Reports go nowhere but into Locust's own statistics, which are exact once a test has
stopped: what is under way then is waited for, at most one deadline.
"""

import os
import time
from collections.abc import Mapping
from typing import Any

import gevent
from locust import events
from locust.env import Environment

from hybridcheck.generator.locust_statistics import LocustFold
from hybridcheck.generator.orders import Orders, read_orders
from hybridcheck.generator.pace import ClosedPace
from hybridcheck.generator.report_pipe import ReportPipe
from hybridcheck.generator.run import LoadRun

FOREVER_S = 10 * 365 * 86_400.0
"""A test under plain Locust lasts until Locust ends it."""


@events.init.add_listener
def _catch_up(**_: Any) -> None:
    """Tell the event loop what time it is: to it no time has passed while everything was imported.

    Locust's run time is counted from there: on a busy machine `-t 3s` was over before the first request.
    """
    gevent.get_hub().loop.update_now()


class FollowingPace(ClosedPace):
    """As many users as were told to come, from moment to moment."""

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self.users = 0

    def tick(self, now: int) -> int:
        """How many users there are now: lanes below that number are to be woken."""
        self._users = self.users
        return self._users


class PlainRun(LoadRun):
    """A run that is fed and stopped by Locust.

    plan: a load plan in its JSON form, bodies as bytes in `bodies`. following: Locust's users are the plan's users, come
    and go with them, and the plan's shape means nothing.
    """

    def __init__(
        self,
        environment: Environment,
        plan: Mapping[str, Any],
        secrets: Mapping[str, str],
        bodies: Mapping[str, bytes],
        *,
        following: bool,
    ) -> None:
        orders = read_orders(plan, secrets, bodies)
        self._sink = os.open(os.devnull, os.O_WRONLY)
        super().__init__(orders, ReportPipe(self._sink), LocustFold(environment, int(time.time())))
        self._following = FollowingPace(orders) if following else None
        if self._following is not None:
            self.pace = self._following
        self.prepare()
        self.start()

    def user_came(self) -> None:
        """One user more, with a lane of its own."""
        assert self._following is not None
        self._following.users += 1
        self.add_lanes(self._following.users)

    def user_left(self) -> None:
        """One user less: its lane finishes what it is doing."""
        assert self._following is not None
        self._following.users -= 1
        self._following.tick(0)

    def stop(self) -> None:
        """No more requests; wait for what is under way, report everything."""
        self.pace.stop(self.elapsed_ns())
        patience = time.monotonic() + self.orders.deadline_ns / 1e9
        while self.under_way() and time.monotonic() < patience:
            gevent.sleep(0.01)
        self.finish("interrupted")
        self.done.wait()  # the run may have seen by itself that nothing is left, and be reporting still
        os.close(self._sink)
