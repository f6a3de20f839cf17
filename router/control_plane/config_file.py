"""turnout.yml while the daemon runs: read again, refused whole if it is wrong, put in force.

When it is read again is config_watch.py's and the signal handler's; bringing up what it
declares is declarations.py's. What needs a restart is said, and all else taken.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from router.control_plane.declarations import Declarations, DeclaredState
from router.control_plane.declare import Declared, read_declarations
from router.control_plane.live_settings import LiveSettings
from router.control_plane.records import now
from router.control_plane.service import ControlPlane
from router.core.config import DaemonConfig
from router.core.config_changes import keys_for_restart
from router.core.errors import TurnoutError
from router.yaml_files import read_daemon_config

# Files that are written in place are taken for whole when so long nothing changes in them.
SETTLE_S = 0.2
SETTLE_LOOKS_MAX = 50

log = logging.getLogger(__name__)


class ConfigState(Struct, frozen=True, kw_only=True):
    """What `GET /status` says of the configuration. Times are ISO 8601, UTC.

    Attributes:
        path: None if the daemon was started without a file.
        loaded_at: when what is in force was read.
        error: why what was read last is not in force; None if it is.
        refused_at: when that was read.
        needs_restart: keys that the file has changed and that wait for the next start.
        endpoints: what it declares.
    """

    path: str | None
    loaded_at: str
    error: str | None = None
    refused_at: str | None = None
    needs_restart: list[str] = []
    endpoints: dict[str, DeclaredState] = {}


class Reading:
    """What one look at all the files has found.

    Attributes:
        digests: of each file's content before it was read; None for one that can't be read.
    """

    def __init__(self) -> None:
        self.digests: dict[Path, bytes | None] = {}
        self._is_taken = True

    def note(self, path: Path) -> None:
        """A file is about to be read."""
        self.digests[path] = _digest(path)

    def read(self, path: Path) -> tuple[DaemonConfig, list[Declared]]:
        """The settings in ``path``, and the declarations that they name.

        Raises:
            BadRequest: one of the files is missing or wrong.
        """
        self.note(path)
        config, base_dir = read_daemon_config(path)
        return config, read_declarations(config, base_dir, self.note)

    def is_current(self) -> bool:
        """Whether every file holds what it held."""
        return self._is_taken and all(
            _digest(path) == digest for path, digest in self.digests.items()
        )

    def retry(self) -> None:
        """What was read could not be put in force: it is to be read again, changed or not."""
        self._is_taken = False


class FirstReading:
    """What a daemon is started with.

    Args:
        config: what ``path`` says.
        base_dir: what the paths in ``config`` are relative to.
        path: None if there is no file, and nothing to read again.

    Raises:
        BadRequest: one of the files that ``config`` names is missing or wrong.
    """

    def __init__(self, config: DaemonConfig, base_dir: Path, path: Path | None) -> None:
        self.config = config
        self.base_dir = base_dir
        self.path = path
        self.reading = Reading()
        if path is not None:
            self.reading.note(path)
        self.declared = read_declarations(config, base_dir, self.reading.note)


class ConfigFile:
    """The daemon's configuration: what is in force, and what its file says now.

    Args:
        settings: takes what may change.

    Attributes:
        refusals: how many times it was read and not put in force.
    """

    def __init__(
        self,
        first: FirstReading,
        settings: LiveSettings,
        plane: ControlPlane,
        declarations: Declarations,
    ) -> None:
        self._first = first
        self._path = first.path
        self._settings = settings
        self._plane = plane
        self._declarations = declarations
        self._reading = first.reading
        self._is_started = False
        self._lock = asyncio.Lock()
        self._loaded_at = now()
        self._error: str | None = None
        self._refused_at: str | None = None
        self._needs_restart: list[str] = []
        self.refusals = 0

    @property
    def files(self) -> list[Path]:
        """All files that were looked at last: the daemon's own, and what it names."""
        return [*self._reading.digests]

    @property
    def state(self) -> ConfigState:
        """How it is now."""
        return ConfigState(
            path=None if self._path is None else str(self._path),
            loaded_at=self._loaded_at,
            error=self._error,
            refused_at=self._refused_at,
            needs_restart=self._needs_restart,
            endpoints=dict(self._declarations.states),
        )

    def check(self) -> None:
        """Refuses a first reading that the store's state forbids.

        Raises:
            BadRequest: as ``Declarations.check``.
        """
        self._declarations.check(self._first.declared)

    def check_not_declared(self, endpoint_name: str) -> None:
        """Refuses a client's change of an endpoint that the file declares.

        Raises:
            Conflict: it does.
        """
        self._declarations.check_not_declared(endpoint_name)

    async def start(self) -> None:
        """Brings up what is declared; returns when that serves or has failed."""
        self._is_started = True
        self._declarations.take(self._first.declared)
        await self._declarations.wait_settled()

    async def reload(self) -> None:
        """Reads the files and puts in force what they say, or notes why that can't be.

        Endpoints are brought up after it has returned. What the daemon is started with is not
        read again before it is in force.
        """
        if not self._is_started:
            return
        if self._path is None:
            log.info("there is no configuration file to read: the daemon was started without one")
            return
        async with self._lock:
            await self._reload(self._path)

    async def reload_if_changed(self) -> None:
        """As ``reload``, once the files have settled, if they aren't what they were."""
        if self._path is None or await self._is_current():
            return
        await self._settle()
        async with self._lock:
            if not await self._is_current():
                await self._reload(self._path)

    async def close(self) -> None:
        """Reads and brings up nothing any more."""
        await self._declarations.close()

    async def _is_current(self) -> bool:
        return await asyncio.to_thread(self._reading.is_current)

    async def _settle(self) -> None:
        """Half a file may look like a whole one that says less."""
        look = await asyncio.to_thread(_look, self.files)
        for _ in range(SETTLE_LOOKS_MAX):
            await asyncio.sleep(SETTLE_S)
            before, look = look, await asyncio.to_thread(_look, self.files)
            if look == before:
                return

    async def _reload(self, path: Path) -> None:
        self._reading = reading = Reading()
        try:
            config, declared = await asyncio.to_thread(reading.read, path)
            self._declarations.check(declared)
            self._declarations.check_changes(declared)
        except TurnoutError as error:
            self._refuse(error.message)
        except Exception as error:
            log.exception("the configuration can't be read")
            self._refuse(f"{path}: {type(error).__name__}: {error}")
        else:
            await self._take(config, declared)

    def _refuse(self, message: str) -> None:
        self._error, self._refused_at = message, now()
        self.refusals += 1
        log.error("the configuration is refused, the one before stays in force: %s", message)

    async def _take(self, config: DaemonConfig, declared: Sequence[Declared]) -> None:
        try:
            self._declarations.take(declared)
        except TurnoutError as error:
            self._reading.retry()
            self._refuse(error.message)
            return
        self._loaded_at, self._error, self._refused_at = now(), None, None
        log.info("the configuration in %s is in force", self._path)
        self._needs_restart = keys_for_restart(self._first.config, config)
        for key in self._needs_restart:
            log.warning("`%s` has changed, which needs a restart: the old value is in force", key)
        self._settings.take(config)
        try:
            await self._plane.publish()
        except TurnoutError as error:
            log.error("the new quotas are not in force yet: %s", error.message)  # noqa: TRY400


def _look(paths: Sequence[Path]) -> list[bytes | None]:
    return [_digest(path) for path in paths]


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None
