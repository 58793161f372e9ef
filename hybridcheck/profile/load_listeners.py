"""Users of a load phase who listen: how many hold a declared stream open beside the requests."""

from typing import Annotated, Literal

from pydantic import Field

from hybridcheck.profile.parts import Seconds, Strict


class Listeners(Strict):
    """So many users hold the stream of a service open while the phase runs.

    Each stays for `stay_s`, leaves, and comes back at once; one whose stream ends comes back too. They leave in turn.
    `query` stands over the stream's own.
    """

    service: str
    stream: Literal["sse", "websocket"] = "sse"
    users: Annotated[int, Field(ge=1, le=1000)]
    stay_s: Seconds = 10
    query: dict[str, str] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called in records and cases: `SERVICE/sse`."""
        return f"{self.service}/{self.stream}"
