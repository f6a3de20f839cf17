"""The router inside a user's own asyncio program, with or without an HTTP listener.

It is the daemon without its processes: the same control plane decides what runs, and the
same engine routes, on the program's event loop. Scoring scripts still run in processes of
their own, which end with the router.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from router.control_plane.declare import declare
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.service import ControlPlane
from router.control_plane.store import Store
from router.core.config import DaemonConfig
from router.core.dispatcher import Dispatcher
from router.core.errors import ResourceNotFound
from router.core.request import Answer, Head, Reason, Refusal, Request
from router.core.routing import Routing
from router.core.statistics import InstanceStatistics, WorkerStatistics
from router.data_plane.engine import Engine, now_ns
from router.data_plane.listener import Listener
from router.yaml_files import read_daemon_config

STATUS_OK = 200


class Answered(Struct, frozen=True, kw_only=True):
    """What a model answered.

    Attributes:
        deployment: who answered.
        run_ns: time spent inside run().
    """

    deployment: str
    body: bytes
    content_type: str
    run_ns: int


class ScoringError(Exception):
    """A request got no good answer.

    Attributes:
        reason: why; the listener would make its status of it.
        body: the model's own error, if it was the model that failed.
    """

    def __init__(self, reason: Reason, message: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.reason = reason
        self.body = body


class Router:
    """An async context manager; inside it, requests are routed.

    Args:
        config: as in turnout.yml. ``endpoints`` are brought up on entering; where the
            control plane or workers listen is of no meaning here.
        base_dir: what the paths in ``config`` are relative to.

    Entering raises BadRequest for a wrong declaration and DeploymentFailed, with the
    traceback, for a script that does not start.
    """

    def __init__(self, config: DaemonConfig, base_dir: Path | None = None) -> None:
        self._config = config
        self._base_dir = base_dir or Path.cwd()

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """A router made from a turnout.yml.

        Raises:
            BadRequest: the file is missing or wrong.
        """
        return cls(*read_daemon_config(Path(path)))

    async def __aenter__(self) -> Self:
        """Brings up what is declared; returns when it serves."""
        self._root = Path(tempfile.mkdtemp(prefix="turnout-"))
        folder = StateFolder(self._root)
        folder.create()
        self._engine = Engine()
        self._engine.start()
        self._store = Store.open(":memory:")
        settings = self._config.data_plane
        self._listener = Listener(
            self._engine.dispatcher, self._engine.request_ids, settings.limits
        )
        self._drain_timeout_s = settings.drain_timeout_ms / 1000
        workers = _InProcess(self._engine)
        self._plane = ControlPlane(
            self._store,
            folder,
            workers,
            LiveSettings(self._config),
        )
        try:
            await self._plane.start()
            await declare(self._plane, self._config, self._base_dir)
        except BaseException:
            await asyncio.shield(self._close())
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Answers what was taken, then ends every instance."""
        try:
            await self._listener.drain(self._drain_timeout_s)
            await self._engine.drain(self._drain_timeout_s)
        finally:
            # Also when the program is cancelled: no instance may be left behind.
            await asyncio.shield(self._close())

    @property
    def control_plane(self) -> ControlPlane:
        """Everything the API of the daemon can do: deployments, scaling, keys, logs."""
        return self._plane

    async def score(
        self,
        endpoint: str,
        body: bytes,
        deployment: str | None = None,
        content_type: str = "application/json",
    ) -> Answered:
        """Routes one request, as if a client with the right key had sent it.

        Args:
            endpoint: its name.
            body: what run() gets.
            deployment: names one, whatever the traffic; None lets the schedule choose.

        Raises:
            ResourceNotFound: there is no such endpoint.
            ScoringError: refused, too late, or failed by the model.
            TypeError: the body is not bytes.
        """
        if not isinstance(body, bytes):
            raise TypeError(f"expected bytes as the body, got {type(body).__name__}")
        dispatcher = self._engine.dispatcher
        found = dispatcher.snapshot.endpoints.get(endpoint)
        if found is None:
            known = ", ".join(dispatcher.snapshot.endpoints) or "none"
            raise ResourceNotFound(f"expected an endpoint ({known}), got {endpoint!r}")
        call = _Call(dispatcher)
        head = Head(content_type=content_type)
        result = dispatcher.arrive(found, deployment, body, head, call, now_ns())
        if isinstance(result, Refusal):
            raise ScoringError(result.reason, result.message)
        return await call.answered

    async def set_traffic(
        self,
        endpoint: str,
        traffic: Mapping[str, int],
        mirror_traffic: Mapping[str, int] | None = None,
    ) -> None:
        """Replaces an endpoint's traffic rules; on return no later request sees older ones.

        Raises:
            BadRequest: a rule is broken; the old rules stay (invariant 6).
            ResourceNotFound: there is no such endpoint.
        """
        spec = self._plane.endpoint(endpoint).spec
        await self._plane.put_endpoint(
            replace(spec, traffic=dict(traffic), mirror_traffic=dict(mirror_traffic or {}))
        )

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Opens the HTTP listener, too; returns its port, a free one if ``port`` is 0.

        Raises:
            OSError: the address can't be had.
        """
        return await self._listener.open(host, port)

    async def _close(self) -> None:
        await self._plane.stop()
        await self._engine.close()
        await self._listener.close()
        self._store.close()
        shutil.rmtree(self._root)


class _Call:
    """The dispatcher's client for one ``score``."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.answered: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._dispatcher = dispatcher
        # A streamed answer's, gathered: the caller gets it whole.
        self._first: Answer | None = None
        self._body = b""

    def on_answer(self, request: Request, answer: Answer) -> None:
        first = self._first = self._first or answer
        # A caller that was cancelled waits no more.
        if self.answered.done():
            if answer.more:
                self._dispatcher.abandon(request)
            return
        self._body += answer.payload
        if answer.more:
            self._dispatcher.grant(request, len(answer.payload))
            return
        if answer.status != STATUS_OK:
            message = f"deployment {request.deployment.name!r} answered {answer.status}"
            self.answered.set_exception(ScoringError(Reason.MODEL_ERROR, message, self._body))
            return
        self.answered.set_result(
            Answered(
                deployment=request.deployment.name,
                body=self._body,
                content_type=first.content_type,
                run_ns=first.run_ns,
            )
        )

    def on_refusal(self, request: Request, refusal: Refusal) -> None:  # noqa: ARG002 - the port's
        if not self.answered.done():
            self.answered.set_exception(ScoringError(refusal.reason, refusal.message))


class _InProcess:
    """The engine as the control plane's workers."""

    scoring_base = ""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.generation = 0

    async def apply(self, routing: Routing) -> None:
        self.generation = routing.generation
        await self._engine.apply(routing)

    async def await_drained(self, instance_ids: Sequence[str], timeout_ms: int) -> Iterable[str]:
        return await self._engine.await_drained(instance_ids, timeout_ms / 1000)

    async def statistics(self) -> WorkerStatistics:
        return self._engine.statistics()

    async def instances(self) -> Sequence[InstanceStatistics]:
        return self._engine.dispatcher.instances(now_ns())
