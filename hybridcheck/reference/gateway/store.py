"""The gateway's state in one SQLite file, shared by its workers: sessions, failed logins, datasets, idempotency keys.

Called on the event loop: with WAL and no fsync each call takes tens of microseconds, less than a hop to a thread.
"""

import hashlib
import json
import sqlite3
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, username TEXT, refresh_id TEXT, expires_at REAL,
                                     revoked INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS failed_logins (username TEXT, at REAL);
CREATE INDEX IF NOT EXISTS failed_by_user ON failed_logins (username, at);
CREATE TABLE IF NOT EXISTS datasets (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, owner TEXT, tenant TEXT,
                                     name TEXT, description TEXT, numbers TEXT, created_at TEXT, updated_at TEXT,
                                     revision INTEGER);
CREATE INDEX IF NOT EXISTS datasets_by_tenant ON datasets (tenant, number);
CREATE TABLE IF NOT EXISTS idempotency (owner TEXT, key TEXT, digest TEXT, dataset TEXT, PRIMARY KEY (owner, key));
CREATE TABLE IF NOT EXISTS audit (at TEXT, username TEXT, operation TEXT);
"""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named series of numbers that belongs to a user and their tenant."""

    id: str
    owner: str
    tenant: str
    name: str
    description: str
    numbers: tuple[float, ...]
    created_at: str
    updated_at: str
    revision: int

    def document(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "values": list(self.numbers),
            "owner": self.owner,
            "tenant": self.tenant,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "revision": self.revision,
        }


_COLUMNS = "id, owner, tenant, name, description, numbers, created_at, updated_at, revision"


def _dataset(row: tuple[Any, ...]) -> Dataset:
    return Dataset(row[0], row[1], row[2], row[3], row[4], tuple(json.loads(row[5])), row[6], row[7], row[8])


def now_text() -> str:
    """The time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """The SQLite file of one reference system."""

    def __init__(self, state_dir: str) -> None:
        """Opens the file and creates its tables if they are not there."""
        self._db = sqlite3.connect(
            Path(state_dir) / "state.sqlite", isolation_level=None, timeout=5.0, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # the file lives as long as the system: nothing to survive
        self._db.executescript(_TABLES)

    def answers(self) -> bool:
        """Whether the database answers a query."""
        try:
            return bool(self._db.execute("SELECT 1").fetchone() == (1,))
        except sqlite3.Error:
            return False

    # sessions

    def open_session(self, username: str, ttl_s: int) -> tuple[str, str]:
        """A new session: its id and the id of its refresh token."""
        session_id, refresh_id = uuid.uuid4().hex, uuid.uuid4().hex
        now = time.time()
        self._db.execute("DELETE FROM sessions WHERE expires_at < ?", (now,))
        self._db.execute(
            "INSERT INTO sessions (id, username, refresh_id, expires_at) VALUES (?, ?, ?, ?)",
            (session_id, username, refresh_id, now + ttl_s),
        )
        return session_id, refresh_id

    def session_is_open(self, session_id: str) -> bool:
        """Whether the session exists and was not revoked."""
        row = self._db.execute("SELECT revoked FROM sessions WHERE id = ?", (session_id,)).fetchone()
        return row is not None and row[0] == 0

    def revoke_session(self, session_id: str) -> None:
        """End a session: its access and refresh tokens are worth nothing from now on."""
        self._db.execute("UPDATE sessions SET revoked = 1 WHERE id = ?", (session_id,))

    def rotate_refresh(self, session_id: str, refresh_id: str) -> str | None:
        """Exchange a refresh id for a new one; None if it is not the current one of an open session."""
        fresh = uuid.uuid4().hex
        changed = self._db.execute(
            "UPDATE sessions SET refresh_id = ? WHERE id = ? AND refresh_id = ? AND revoked = 0",
            (fresh, session_id, refresh_id),
        ).rowcount
        return fresh if changed else None

    def open_sessions(self) -> int:
        """How many sessions are open."""
        row = self._db.execute(
            "SELECT count(*) FROM sessions WHERE revoked = 0 AND expires_at > ?", (time.time(),)
        ).fetchone()
        return int(row[0])

    def note_failed_login(self, username: str) -> None:
        """Remember a wrong password for a minute."""
        now = time.time()
        self._db.execute("DELETE FROM failed_logins WHERE at < ?", (now - 60,))
        self._db.execute("INSERT INTO failed_logins VALUES (?, ?)", (username, now))

    def failed_logins(self, username: str) -> int:
        """Wrong passwords for this name in the last minute."""
        row = self._db.execute(
            "SELECT count(*) FROM failed_logins WHERE username = ? AND at >= ?", (username, time.time() - 60)
        ).fetchone()
        return int(row[0])

    # datasets

    def create_dataset(self, owner: str, tenant: str, content: dict[str, Any]) -> Dataset:
        """Store a new dataset with revision 1."""
        now = now_text()
        dataset = Dataset(
            uuid.uuid4().hex,
            owner,
            tenant,
            content["name"],
            content.get("description", ""),
            tuple(content["values"]),
            now,
            now,
            1,
        )
        self._db.execute(
            f"INSERT INTO datasets ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (dataset.id, owner, tenant, dataset.name, dataset.description, json.dumps(content["values"]), now, now, 1),
        )
        return dataset

    def dataset(self, dataset_id: str) -> Dataset | None:
        """A dataset by its id."""
        row = self._db.execute(f"SELECT {_COLUMNS} FROM datasets WHERE id = ?", (dataset_id,)).fetchone()
        return None if row is None else _dataset(row)

    def datasets(self, tenant: str | None, limit: int, offset: int) -> tuple[list[Dataset], int]:
        """A page of a tenant's datasets (of all tenants for None), oldest first, and how many there are in all."""
        where, values = ("", ()) if tenant is None else ("WHERE tenant = ?", (tenant,))
        total = self._db.execute(f"SELECT count(*) FROM datasets {where}", values).fetchone()[0]
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM datasets {where} ORDER BY number LIMIT ? OFFSET ?", (*values, limit, offset)
        ).fetchall()
        return [_dataset(row) for row in rows], int(total)

    def replace_dataset(self, dataset_id: str, content: dict[str, Any]) -> Dataset | None:
        """Replace a dataset's content; its revision grows by one. None if it is gone."""
        self._db.execute(
            "UPDATE datasets SET name = ?, description = ?, numbers = ?, updated_at = ?, revision = revision + 1 "
            "WHERE id = ?",
            (content["name"], content.get("description", ""), json.dumps(content["values"]), now_text(), dataset_id),
        )
        return self.dataset(dataset_id)

    def set_revision(self, dataset_id: str, revision: int) -> Dataset | None:
        """Write a revision as it is; only a defect does that."""
        self._db.execute("UPDATE datasets SET revision = ? WHERE id = ?", (revision, dataset_id))
        return self.dataset(dataset_id)

    def delete_dataset(self, dataset_id: str) -> None:
        """Remove a dataset."""
        self._db.execute("DELETE FROM datasets WHERE id = ?", (dataset_id,))

    def create_dataset_once(self, owner: str, tenant: str, content: dict[str, Any], key: str) -> Dataset | None:
        """The dataset that was stored under an idempotency key, now or earlier; None if the key meant another content.

        One transaction: two workers with the same key make one dataset.
        """
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            known = self._db.execute(
                "SELECT digest, dataset FROM idempotency WHERE owner = ? AND key = ?", (owner, key)
            ).fetchone()
            if known is not None:
                return self.dataset(known[1]) if known[0] == digest else None
            dataset = self.create_dataset(owner, tenant, content)
            self._db.execute("INSERT INTO idempotency VALUES (?, ?, ?, ?)", (owner, key, digest, dataset.id))
            return dataset
        finally:
            self._db.execute("COMMIT")

    def write_audit(self, rows: list[tuple[str, str, str]]) -> None:
        """Append audit rows: time, user, operation."""
        self._db.executemany("INSERT INTO audit VALUES (?, ?, ?)", rows)
