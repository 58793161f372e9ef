"""Hooks: how a fault is brought into a system from outside, proved, taken back, and proved to be gone.

Each hook has four steps. A step is an HTTP request or a command without a shell. `revert` must do no harm where nothing
was applied: it also runs after an interruption, and again by `hybridcheck cleanup`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from hybridcheck.cases import Json
from hybridcheck.profile.parts import Name, Path, Strict, Url
from hybridcheck.profile.probe_parts import Place


class HookRequest(Strict):
    """A request to the hook's `url`; done where it is answered with one of `expect` and every one of `values`."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: Path
    query: dict[str, str] = Field(default_factory=dict)
    body: dict[str, Json] | None = None
    expect: tuple[int, ...] = (200, 201, 202, 204)
    values: dict[Place, Json] = Field(default_factory=dict)


class HookCommand(Strict):
    """A program and its arguments; done where it ends with `exit_code`. It gets PATH and the variables in `env`."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]
    env: tuple[str, ...] = ()
    exit_code: Annotated[int, Field(ge=0, le=255)] = 0


HookStep = HookRequest | HookCommand


class Hook(Strict):
    """One fault: its safety class, the services that it breaks, what it does to them, and its four steps.

    `fault` harms only what the services themselves answer; `disrupt` also what others use, and needs `--allow disrupt`.
    """

    kind: Literal["fault", "disrupt"] = Field(alias="class")
    breaks: Annotated[tuple[Name, ...], Field(min_length=1)]
    does: Literal["down", "silent", "slow", "restart"]
    url: Url | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    apply: HookStep
    verify_active: HookStep
    revert: HookStep
    verify_clean: HookStep
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 30
    settle_s: Annotated[float, Field(ge=0, le=300)] = 10

    @model_validator(mode="after")
    def _somewhere_to_ask(self) -> "Hook":
        steps = (self.apply, self.verify_active, self.revert, self.verify_clean)
        if self.url is None and any(isinstance(step, HookRequest) for step in steps):
            raise ValueError("a hook with requests needs the url that they go to")
        return self


def hooks_that(hooks: Mapping[str, Hook], does: str, service: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the hooks of these classes that do this to this service."""
    return tuple(
        name for name, hook in hooks.items() if hook.does == does and service in hook.breaks and hook.kind in kinds
    )
