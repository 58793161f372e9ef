"""The administrator's list of accounts."""

import time

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.routing import Route
from hybridcheck.reference.settings import Settings
from hybridcheck.reference.web import Answer, Request, json_answer

BLOCKED_S = 0.35


class People:
    """The operations under /admin."""

    def __init__(self, settings: Settings, defects: Switches) -> None:
        """Shows names, roles and tenants; never a password or its digest."""
        self._items = [
            {"username": identity.username, "role": identity.role, "tenant": identity.tenant}
            for identity in settings.identities
        ]
        self._blocks = defects.on("gateway-blocks")
        if defects.on("openapi-stale"):
            self._items = [{"username": item["username"], "role": item["role"]} for item in self._items]

    def routes(self) -> list[Route]:
        """The operations under /admin."""
        return [
            Route(
                "GET",
                "/admin/users",
                self.catalogue,
                "listUsers",
                "All accounts",
                "admin",
                {200: "Users"},
                access="admin",
            )
        ]

    async def catalogue(self, request: Request) -> Answer:
        """All accounts."""
        if self._blocks:
            time.sleep(BLOCKED_S)  # noqa: ASYNC251 - the defect is that it blocks the event loop
        return json_answer({"items": self._items})
