"""What a run without a profile may assume about a target: only what it was seen to answer, told from a catch-all.

Pure: somebody else sends the questions (GET, read class) and hands in the answers. A path counts where it answered as
its kind does and a path that cannot exist (`CONTROL_PATH`) did not answer alike. What is discovered lets the read-only
checks run; it promises neither access rules nor a load, so such a run never ends READY.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hybridcheck.profile.models import Profile

CONTROL_PATH = "/hybridcheck-no-such-path-7f3a91"
READY_PATHS = ("/health/ready", "/readyz", "/ready")
HEALTH_PATHS = ("/health", "/healthz", "/livez", "/health/live", "/status")
DOCUMENT_PATHS = ("/openapi.json", "/swagger.json", "/api/openapi.json", "/v3/api-docs")
METRICS_PATHS = ("/metrics",)
QUESTIONS = ("/", CONTROL_PATH, *READY_PATHS, *HEALTH_PATHS, *DOCUMENT_PATHS, *METRICS_PATHS)
"""The paths to ask first, each once; then the described ones that `worth_asking` names."""

MOST_OPERATIONS = 16
"""How many described operations are asked and taken over."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a GET of a path gave; `status` is None where nothing came. `media_type` has no parameters."""

    status: int | None
    media_type: str = ""
    text: str = ""

    @property
    def good(self) -> bool:
        """Whether the answer is of the 2xx class."""
        return self.status is not None and 200 <= self.status < 300


NOTHING = Answered(None)


def worth_asking(described: Iterable[str]) -> tuple[str, ...]:
    """The described GET paths that can be sent as they stand (no parameter in the path), in their order, capped."""
    plain = dict.fromkeys(path for path in described if path.startswith("/") and "{" not in path)
    return tuple(plain)[:MOST_OPERATIONS]


def discovered(profile: Profile, answers: Mapping[str, Answered], described: Iterable[str] = ()) -> Profile:
    """The profile with what the answers show; what it declares itself stays.

    Args:
        profile: what is declared (nothing, as a rule).
        answers: path → what it answered; must hold `CONTROL_PATH`, else nothing counts.
        described: GET paths that the target's own description names; those that answered 2xx become operations.
    """
    control = answers.get(CONTROL_PATH, NOTHING)
    if control.status is None:
        return profile
    seen = _Seen(answers, control)
    changes: dict[str, Any] = {
        "ready": seen.first(READY_PATHS),
        "health": seen.first(HEALTH_PATHS),
        "openapi": seen.first(DOCUMENT_PATHS, starts=("{",)),
        "operations": [seen.operation(path) for path in worth_asking(("/", *described)) if seen.counts(path)],
    }
    metrics = seen.first(METRICS_PATHS, media_type="text/plain", starts=("#",))
    declared = profile.model_dump(mode="python", by_alias=True, exclude_defaults=True)
    observability = {**({"metrics": metrics} if metrics else {}), **declared.get("observability", {})}
    found = {key: value for key, value in changes.items() if value}
    return Profile.model_validate({**found, **declared, "version": 1, "observability": observability})


@dataclass(frozen=True, slots=True)
class _Seen:
    answers: Mapping[str, Answered]
    control: Answered

    def counts(self, path: str) -> bool:
        """Whether the path answered 2xx, unlike a path that cannot exist."""
        answer = self.answers.get(path, NOTHING)
        like_control = self.control.good and answer.media_type == self.control.media_type
        return answer.good and not like_control

    def first(self, paths: Iterable[str], *, media_type: str = "", starts: tuple[str, ...] = ("",)) -> str | None:
        for path in paths:
            answer = self.answers.get(path, NOTHING)
            right_kind = not media_type or answer.media_type == media_type
            if self.counts(path) and right_kind and answer.text.lstrip().startswith(starts):
                return path
        return None

    def operation(self, path: str) -> dict[str, Any]:
        answer = self.answers[path]
        expect: dict[str, Any] = {"status": [answer.status]}
        if answer.media_type:
            expect["content_type"] = answer.media_type
        return {"id": f"GET {path}", "path": path, "expect": expect}
