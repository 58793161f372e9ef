"""What the launcher tells its child processes: one frozen record, carried as JSON in an environment variable."""

import json
from dataclasses import asdict, dataclass
from typing import Any

VARIABLE = "HYBRIDCHECK_REFERENCE_SETTINGS"
VARIABLE_SOCKET = "HYBRIDCHECK_REFERENCE_SOCKET"  # file descriptor of the listening socket


@dataclass(frozen=True, slots=True)
class Identity:
    """One account of the reference system. The password is generated at each start."""

    username: str
    password: str
    role: str  # "user" or "admin"
    tenant: str
    access_ttl_s: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a gateway or native process needs to know. Never in argv, which other users of the host can read."""

    signing_key: str
    gateway_key: str  # what the native service demands of its caller
    identities: tuple[Identity, ...]
    native_port: int
    state_dir: str
    build: str  # digest of the reference system's own source and switches
    defects: tuple[str, ...] = ()
    instance_index: int = 0
    instances: int = 1
    refresh_ttl_s: int = 3600
    body_limit_bytes: int = 524_288
    failed_logins_per_minute: int = 10
    native_timeout_s: float = 5.0
    cors_origins: tuple[str, ...] = ("https://app.example.test",)
    native_emulation: bool = False  # leave every compiler alone

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps(asdict(self))


def from_json(text: str) -> Settings:
    """The record that `Settings.to_json` wrote."""
    fields: dict[str, Any] = json.loads(text)
    fields["identities"] = tuple(Identity(**identity) for identity in fields["identities"])
    fields["defects"] = tuple(fields["defects"])
    fields["cors_origins"] = tuple(fields["cors_origins"])
    return Settings(**fields)
