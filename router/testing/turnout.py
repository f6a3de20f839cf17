"""A running daemon, as a test sees it: endpoints, commands, log. Plain calls, no asyncio."""

import shlex
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from router.testing.control import Control
from router.testing.daemon import running_daemon
from router.testing.endpoint import Endpoint
from router.testing.loop_thread import LoopThread

REQUEST_TIMEOUT_S = 60


class Turnout:
    """A context manager; inside it a daemon of one's own runs, in a temporary folder.

    Args:
        settings: as in turnout.yml. Ports are free ones, and there is one worker, unless they
            say otherwise.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        """As ``start``."""
        __tracebackhide__ = True
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """As ``close``."""
        self.close()

    def start(self) -> None:
        """Starts the daemon; returns when it serves.

        Raises:
            HarnessError: it does not get ready; the message says why.
        """
        __tracebackhide__ = True
        self._loop = LoopThread()
        try:
            self._control = self._loop.run(self._open())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends every process that the daemon started, and removes the folder."""
        try:
            self._loop.run(self._stack.aclose())
        finally:
            self._loop.close()

    @property
    def url(self) -> str:
        """The control plane's address, for ``--control-plane`` and the REST API."""
        return self._control.daemon.url

    @property
    def folder(self) -> Path:
        """Where it keeps state, settings and log."""
        return self._control.daemon.folder

    @property
    def log(self) -> str:
        """The end of what the daemon has logged."""
        return self._control.daemon.log

    def run(self, command: str) -> str:
        """Runs a command as it is typed behind `turnout`, in the working folder; what it printed.

        Args:
            command: e.g. ``online-endpoint show -n my-endpoint``.

        Raises:
            HarnessError: it failed; the message has the command's own.
        """
        __tracebackhide__ = True
        return self._loop.run(self._control.command(shlex.split(command)))

    def endpoint(self, name: str = "my-endpoint", file: Path | str | None = None) -> Endpoint:
        """Creates an endpoint.

        Args:
            name: its name.
            file: its YAML file, if it has one.

        Raises:
            HarnessError: the daemon or the file refuses it.
        """
        __tracebackhide__ = True
        access = self._loop.run(self._control.create_endpoint(name, file))
        folder = self.folder / "deployed" / name
        folder.mkdir(parents=True, exist_ok=True)
        return Endpoint(self._control, self._loop, name, access, folder)

    def restart_control_plane(self) -> None:
        """Kills the control plane (kill -9) and starts it anew on its state, at another ``url``."""
        __tracebackhide__ = True
        self._loop.run(self._control.daemon.kill_control_plane())

    async def _open(self) -> Control:
        daemon = await self._stack.enter_async_context(running_daemon(self._settings))
        session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(REQUEST_TIMEOUT_S),
                # Each client has a connection; how many there are is the load's to say.
                connector=aiohttp.TCPConnector(limit=0),
            )
        )
        return Control(daemon, session)
