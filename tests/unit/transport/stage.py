"""A session over an in-memory target: httpx's MockTransport below, a real ledger in a temporary folder above."""

import itertools
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.evidence import Created, Exchange, Gap, Record
from hybridcheck.ledger import Ledger
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.redact import Redactor
from hybridcheck.transport.read_view import ReadView
from hybridcheck.transport.session import Session
from hybridcheck.transport.views import AbuseView, LoadView, WriteView

BASE_URL = "http://target.test:8000"

Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def profile_of(**parts: Any) -> Profile:
    """A profile of these parts."""
    return Profile.model_validate({"version": 1, **parts})


def planned_case(safety: SafetyClass = SafetyClass.READ, subject: str = "subject") -> PlannedCase:
    """A planned case of a safety class."""
    return PlannedCase(
        case=Case(check="a.check", subject=subject),
        group=Group.REQUIRED,
        phase=Phase.READ,
        safety=safety,
        dimension=Dimension.FUNCTIONAL,
        severity=Severity.HIGH,
    )


@dataclass
class Stage:
    """A session, its redactor, and all that reached the ledger (`records` as written, so redacted)."""

    session: Session
    redactor: Redactor
    records: list[Record]
    ledger_path: Path
    manifest_path: Path

    def read(self) -> ReadView:
        """A read view."""
        return self.session.view(planned_case())

    def write(self, subject: str = "subject") -> WriteView:
        """A write view."""
        view = self.session.view(planned_case(SafetyClass.WRITE, subject))
        assert isinstance(view, WriteView)
        return view

    def load(self) -> LoadView:
        """A load view."""
        view = self.session.view(planned_case(SafetyClass.LOAD))
        assert isinstance(view, LoadView)
        return view

    def abuse(self) -> AbuseView:
        """An abuse view."""
        view = self.session.view(planned_case(SafetyClass.ABUSE))
        assert isinstance(view, AbuseView)
        return view

    def gaps(self) -> list[Gap]:
        """The gaps in the ledger."""
        return [record for record in self.records if isinstance(record, Gap)]

    def exchanges(self) -> list[Exchange]:
        """The exchanges in the ledger."""
        return [record for record in self.records if isinstance(record, Exchange)]

    def created(self) -> list[Created]:
        """What the ledger says was created."""
        return [record for record in self.records if isinstance(record, Created)]


_numbers = itertools.count()
_open: list[Ledger] = []


def close_ledgers() -> None:
    """Close what tests have opened; a fixture calls it after each of them."""
    while _open:
        _open.pop().close()


def stage_of(
    folder: Path, handler: Handler | None = None, *, base_url: str = BASE_URL, deadline_s: float = 60, **options: Any
) -> Stage:
    """A stage over a handler, or over the network where there is none; `options` are the session's."""
    number = next(_numbers)
    records: list[Record] = []
    redactor = Redactor(b"a key of the test")
    path, manifest = folder / f"ledger-{number}.ndjson", folder / f"manifest-{number}.ndjson"
    settings: dict[str, Any] = {
        "profile": profile_of(),
        "environment": Environment.LOCAL,
        "run_id": "run-1",
        "seed": 7,
        "started": time.monotonic(),
        "manifest": manifest,
        "transport": httpx.MockTransport(handler) if handler is not None else None,
        **options,
    }
    ledger = Ledger(path, redactor, records.append)
    _open.append(ledger)
    session = Session(
        base_url=base_url,
        ledger=ledger,
        redactor=redactor,
        deadline_s=deadline_s,
        **settings,
    )
    return Stage(session, redactor, records, path, manifest)
