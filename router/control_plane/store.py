"""The store: everything declared, and how far it has come, in one SQLite file.

A change is on disk when the call that made it returns (invariant 11). Rows hold
records.py's structs as JSON, so that a person can read them. No rules: those are the service's.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from router.control_plane.asset_records import AssetId, Kind, StoredAsset, StoredContainer
from router.control_plane.records import StoredDeployment, StoredEndpoint, StoredOperation
from router.control_plane.system_errors import storage_failed
from router.core.errors import TurnoutError

IN_MEMORY: Final = ":memory:"
_VERSION = 4
_TABLES = (
    "CREATE TABLE endpoints (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT",
    """CREATE TABLE deployments (endpoint TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (endpoint, name)) STRICT""",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "CREATE TABLE declarations (endpoint TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) STRICT",
    # Numbers keep the order of creation.
    """CREATE TABLE operations (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    has_ended INTEGER NOT NULL, body TEXT NOT NULL) STRICT""",
    """CREATE TABLE assets (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL,
    version TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, name, version)) STRICT""",
    """CREATE TABLE containers (kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, name)) STRICT""",
    f"PRAGMA user_version = {_VERSION}",
)

Counter = Literal["instance", "revision"]


# The primary code of what a disk does, in the low byte of SQLite's extended ones.
_STORAGE_CODES = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
)


class _Connection(sqlite3.Connection):
    """One that tells of a full or broken disk in our words, and counts that.

    Attributes:
        failures: how often that was.
    """

    failures = 0

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _STORAGE_CODES:
                raise
            self.failures += 1
            raise storage_failed(error) from error


class Store:
    """One control plane's state. Calls are short and synchronous."""

    def __init__(self, connection: _Connection) -> None:
        self._db = connection

    @classmethod
    def open(cls, path: Path | Literal[":memory:"]) -> "Store":
        """Opens the file, or makes it, readable by this user only.

        Raises:
            TurnoutError: it is not a store, or one of a newer version.
        """
        if isinstance(path, Path):
            _make_file(path)
        db = sqlite3.connect(path, isolation_level=None, factory=_Connection)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            # A commit returns when it is on the medium: what was acknowledged also survives
            # the loss of power, not only the end of a process.
            db.execute("PRAGMA synchronous = FULL")
            _create_tables(db, path)
        except sqlite3.DatabaseError as error:
            db.close()
            raise TurnoutError(
                f"expected a SQLite file of turnout, got {path}: {error}. Move it away to begin "
                f"with an empty state."
            ) from error
        except TurnoutError:
            db.close()
            raise
        return cls(db)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @property
    def failures(self) -> int:
        """How often the disk refused a read or write; it is full or broken."""
        return self._db.failures

    def endpoints(self) -> list[StoredEndpoint]:
        """All of them, by name."""
        rows = self._db.execute("SELECT body FROM endpoints ORDER BY name")
        return [msgspec.json.decode(body, type=StoredEndpoint) for (body,) in rows]

    def everything(self) -> list[tuple[StoredEndpoint, list[StoredDeployment]]]:
        """All endpoints, each with its deployments, by name."""
        deployments: dict[str, list[StoredDeployment]] = {}
        rows = self._db.execute("SELECT endpoint, body FROM deployments ORDER BY endpoint, name")
        for name, body in rows:
            found = msgspec.json.decode(body, type=StoredDeployment)
            deployments.setdefault(name, []).append(found)
        return [(one, deployments.get(one.spec.name, [])) for one in self.endpoints()]

    def endpoint(self, name: str) -> StoredEndpoint | None:
        """The endpoint, or None."""
        rows = self._db.execute("SELECT body FROM endpoints WHERE name = ?", (name,))
        return next((msgspec.json.decode(body, type=StoredEndpoint) for (body,) in rows), None)

    def save_endpoint(self, endpoint: StoredEndpoint) -> None:
        """Writes it, new or changed."""
        self._db.execute(
            "INSERT OR REPLACE INTO endpoints VALUES (?, ?)",
            (endpoint.spec.name, _json(endpoint)),
        )

    def delete_endpoint(self, name: str) -> None:
        """Removes it with its deployments, at once."""
        with self.transaction():
            self._db.execute("DELETE FROM deployments WHERE endpoint = ?", (name,))
            self._db.execute("DELETE FROM declarations WHERE endpoint = ?", (name,))
            self._db.execute("DELETE FROM endpoints WHERE name = ?", (name,))

    def deployments(self, endpoint_name: str) -> list[StoredDeployment]:
        """Those of an endpoint, by name."""
        rows = self._db.execute(
            "SELECT body FROM deployments WHERE endpoint = ? ORDER BY name", (endpoint_name,)
        )
        return [msgspec.json.decode(body, type=StoredDeployment) for (body,) in rows]

    def deployment(self, endpoint_name: str, name: str) -> StoredDeployment | None:
        """The deployment, or None."""
        return next((d for d in self.deployments(endpoint_name) if d.spec.name == name), None)

    def save_deployment(self, deployment: StoredDeployment) -> None:
        """Writes it, new or changed."""
        spec = deployment.spec
        self._db.execute(
            "INSERT OR REPLACE INTO deployments VALUES (?, ?, ?)",
            (spec.endpoint_name, spec.name, _json(deployment)),
        )

    def delete_deployment(self, endpoint_name: str, name: str) -> None:
        """Removes it."""
        self._db.execute(
            "DELETE FROM deployments WHERE endpoint = ? AND name = ?", (endpoint_name, name)
        )

    def next(self, counter: Counter) -> int:
        """The next number of a counter, never given twice; the first is 1."""
        # Not in one with RETURNING, whose commit is the fetch's: there a full disk would be told.
        self._db.execute(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
            (counter,),
        )
        rows = self._db.execute("SELECT value FROM counters WHERE name = ?", (counter,))
        return int(rows.fetchall()[0][0])

    def declaration(self, endpoint_name: str) -> str | None:
        """The fingerprint of what of the daemon's file was carried out for this endpoint."""
        rows = self._db.execute(
            "SELECT fingerprint FROM declarations WHERE endpoint = ?", (endpoint_name,)
        )
        return next((str(fingerprint) for (fingerprint,) in rows), None)

    def declared(self) -> list[str]:
        """The endpoints of which a declaration was carried out, by name."""
        rows = self._db.execute("SELECT endpoint FROM declarations ORDER BY endpoint")
        return [str(name) for (name,) in rows]

    def forget_declaration(self, endpoint_name: str) -> None:
        """The endpoint is the file's no longer."""
        self._db.execute("DELETE FROM declarations WHERE endpoint = ?", (endpoint_name,))

    def save_declaration(self, endpoint_name: str, fingerprint: str) -> None:
        """Notes that a declaration was carried out."""
        self._db.execute(
            "INSERT OR REPLACE INTO declarations VALUES (?, ?)", (endpoint_name, fingerprint)
        )

    def assets(self, kind: Kind, name: str | None = None) -> list[StoredAsset]:
        """The versions of one asset, or of all of a kind, in the order of their creation."""
        rows = self._db.execute(
            "SELECT body FROM assets WHERE kind = ? AND name = coalesce(?, name) ORDER BY number",
            (kind, name),
        )
        return [msgspec.json.decode(body, type=StoredAsset) for (body,) in rows]

    def asset(self, asset_id: AssetId) -> StoredAsset | None:
        """The version, or None."""
        rows = self._db.execute(
            "SELECT body FROM assets WHERE kind = ? AND name = ? AND version = ?",
            (asset_id.kind, asset_id.name, asset_id.version),
        )
        return next((msgspec.json.decode(body, type=StoredAsset) for (body,) in rows), None)

    def save_asset(self, asset: StoredAsset) -> None:
        """Writes it, new or changed."""
        self._db.execute(
            "INSERT INTO assets (kind, name, version, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (kind, name, version) DO UPDATE SET body = excluded.body",
            (asset.id.kind, asset.id.name, asset.id.version, _json(asset)),
        )

    def delete_asset(self, asset_id: AssetId) -> None:
        """Removes it."""
        self._db.execute(
            "DELETE FROM assets WHERE kind = ? AND name = ? AND version = ?",
            (asset_id.kind, asset_id.name, asset_id.version),
        )

    def container(self, kind: Kind, name: str) -> StoredContainer | None:
        """What was said of the name as a whole, or None."""
        rows = self._db.execute(
            "SELECT body FROM containers WHERE kind = ? AND name = ?", (kind, name)
        )
        return next((msgspec.json.decode(body, type=StoredContainer) for (body,) in rows), None)

    def save_container(self, container: StoredContainer) -> None:
        """Writes it, new or changed."""
        self._db.execute(
            "INSERT OR REPLACE INTO containers VALUES (?, ?, ?)",
            (container.kind, container.name, _json(container)),
        )

    def operation(self, operation_id: str) -> StoredOperation | None:
        """The operation, or None."""
        rows = self._db.execute("SELECT body FROM operations WHERE id = ?", (operation_id,))
        return next((msgspec.json.decode(body, type=StoredOperation) for (body,) in rows), None)

    def unfinished_operations(self) -> list[StoredOperation]:
        """Those that have not ended, the oldest first."""
        rows = self._db.execute("SELECT body FROM operations WHERE NOT has_ended ORDER BY number")
        return [msgspec.json.decode(body, type=StoredOperation) for (body,) in rows]

    def save_operation(self, operation: StoredOperation) -> None:
        """Writes it, new or changed."""
        self._db.execute(
            "INSERT INTO operations (id, has_ended, body) VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET has_ended = excluded.has_ended, body = excluded.body",
            (operation.id, operation.ended_at is not None, _json(operation)),
        )

    def forget_operations(self, keep: int) -> None:
        """Removes ended ones that are older than the last ``keep`` operations."""
        self._db.execute(
            "DELETE FROM operations WHERE has_ended AND number <= "
            "(SELECT max(number) FROM operations) - ?",
            (keep,),
        )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is on disk whole when it ends, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled it back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _make_file(path: Path) -> None:
    """Makes the file if it is not there, and its entry in the folder durable."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _create_tables(db: sqlite3.Connection, path: Path | str) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == 0:
        db.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            db.execute(statement)
        db.execute("COMMIT")
    elif version != _VERSION:
        raise TurnoutError(
            f"expected a state of version {_VERSION}, got version {version} in {path}. Use the "
            f"turnout that wrote it, or another `state_dir`."
        )


def _json(value: Struct) -> str:
    return msgspec.json.encode(value).decode()
