"""The daemon: puts the control plane together, serves its API and sees to a clean end.

SIGTERM and SIGINT end it in order: API off, workers drain, instances stop. SIGHUP replaces
workers one at a time. After a kill -9 workers and instances go on; the next daemon on the
same state folder takes them up.
"""

import asyncio
import logging
import os
import signal
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop
from aiohttp import web

from router.control_plane import openapi
from router.control_plane.addresses import Addresses, addresses_of, announce, record
from router.control_plane.api import make_app
from router.control_plane.api_server import open_listeners, serving
from router.control_plane.assets_api import asset_routes
from router.control_plane.blobs_api import blob_routes
from router.control_plane.config_file import ConfigFile, FirstReading
from router.control_plane.config_watch import watching
from router.control_plane.daemon_metrics import ConfigMetrics, StoreMetrics
from router.control_plane.declarations import Declarations
from router.control_plane.guard import read_token
from router.control_plane.instance_metrics import InstanceMetrics
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.metrics import Metrics
from router.control_plane.processes import keep_inherited_files, kill_all
from router.control_plane.reload_api import Reload, reload
from router.control_plane.service import ControlPlane
from router.control_plane.store import Store
from router.control_plane.tasks import Tasks, unless
from router.control_plane.workers import WorkerPool
from router.core.config import DaemonConfig, DataPlaneSettings, TlsFiles
from router.core.errors import TurnoutError

EXIT_OK, EXIT_REFUSED = 0, 1
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
PRIVATE_UMASK = 0o077

log = logging.getLogger(__name__)


def run(config: DaemonConfig, base_dir: Path, path: Path | None = None) -> int:
    """Runs a daemon until it is told to end; returns the exit code.

    Args:
        base_dir: what the paths in ``config`` are relative to.
        path: the file that ``config`` is from, to be watched; None if it is from none.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # It tells of each event in the folders of the configuration, where the log may be, too.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    keep_inherited_files()
    try:
        uvloop.run(serve(config, base_dir, path, announce))
    except TurnoutError as error:
        print(f"turnout: {error.message}", file=sys.stderr)  # noqa: T201 - for the user
        return EXIT_REFUSED
    return EXIT_OK


async def serve(
    config: DaemonConfig,
    base_dir: Path,
    path: Path | None,
    on_ready: Callable[[Addresses], None],
) -> None:
    """Serves until SIGTERM or SIGINT, then drains and returns.

    Args:
        config, base_dir, path: as for ``run``.
        on_ready: called when workers serve and the API answers.

    Raises:
        TurnoutError: it can't start: a busy port, a wrong declaration, another daemon.
    """
    stop = asyncio.Event()
    # Of those that come before there is anything to end.
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    first = FirstReading(config, base_dir, path)
    os.umask(PRIVATE_UMASK)
    folder = StateFolder(base_dir / config.state_dir)
    folder.create()
    with folder.lock():
        store = Store.open(folder.database)
        try:
            await _serve(first, folder, store, on_ready, stop)
        finally:
            store.close()


async def _serve(
    first: FirstReading,
    folder: StateFolder,
    store: Store,
    on_ready: Callable[[Addresses], None],
    stop: asyncio.Event,
) -> None:
    config, base_dir = first.config, first.base_dir
    token = read_token(config.control_plane, base_dir)
    data_plane = _with_tls(config.data_plane, base_dir)
    listeners = open_listeners(config.control_plane, folder)
    settings = LiveSettings(config)
    tasks = Tasks()
    pool = WorkerPool(folder, data_plane, settings)
    plane = ControlPlane(store, folder, pool, settings)
    file = ConfigFile(first, settings, plane, Declarations(plane, store, first.path))
    try:
        _follow_signals(stop, pool, file, tasks)
        file.check()
        if token is not None:
            log.info("the control plane asks every client for the token of its token_file")
        # To its end, which is never far: workers that it has found are looked after then.
        await pool.start()

        async def start_and_serve() -> None:
            await plane.start()
            addresses = addresses_of(pool.scoring_base, listeners, folder)
            app = _app(plane, pool, file, addresses, config.control_plane.max_upload_bytes, token)
            async with serving(app, listeners), watching(file):
                await file.start()
                record(addresses, folder)
                on_ready(addresses)
                await stop.wait()

        await unless(stop, start_and_serve())
    finally:
        for listener in listeners:
            listener.socket.close()
        folder.daemon_record.unlink(missing_ok=True)
        await tasks.cancel()
        if pool.found_any and not stop.is_set():
            log.error("what served before goes on, by itself, until a daemon takes it up again")
            await plane.close()
        else:
            log.info("stopping: workers drain, then instances end")
            await pool.stop()
            await plane.stop()


def _with_tls(settings: DataPlaneSettings, base_dir: Path) -> DataPlaneSettings:
    """With absolute paths of a certificate that workers can serve with, if there is one.

    Raises:
        TurnoutError: its files can't be read, or don't fit together.
    """
    if settings.tls is None:
        return settings
    files = [str(base_dir / file) for file in (settings.tls.certificate, settings.tls.key)]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
    except (OSError, ssl.SSLError) as error:
        raise TurnoutError(
            f"expected a certificate and its key as PEM files, got {' and '.join(files)}: {error}, "
            f"at `$.data_plane.tls`"
        ) from None
    return msgspec.structs.replace(settings, tls=TlsFiles(certificate=files[0], key=files[1]))


def _app(
    plane: ControlPlane,
    pool: WorkerPool,
    file: ConfigFile,
    addresses: Addresses,
    upload_bytes_max: int,
    token: str | None,
) -> web.Application:
    def status() -> dict[str, object]:
        return {
            **msgspec.to_builtins(addresses),
            "workers": [{"pid": pid} for pid in pool.pids],
            "configuration": msgspec.to_builtins(file.state),
        }

    collectors = [ConfigMetrics(file), StoreMetrics(plane), InstanceMetrics(plane.instances)]
    metrics = Metrics(pool.statistics_by_worker, collectors)
    app = make_app(plane, status, token, file.check_not_declared)
    app.add_routes([web.post("/reload", Reload(pool, file, status).post)])
    app.add_routes([web.get("/metrics", metrics.get)])
    app.add_routes(asset_routes(plane.registry, plane.blobs))
    app.add_routes(blob_routes(plane.blobs, upload_bytes_max))
    app.add_routes([web.get(openapi.PATH, openapi.Document(app).get)])
    return app


def _follow_signals(stop: asyncio.Event, pool: WorkerPool, file: ConfigFile, tasks: Tasks) -> None:
    """The first SIGTERM or SIGINT sets ``stop``; the second one ends everything at once.

    SIGHUP has the configuration read again, and workers replaced one at a time.
    """

    def on_signal() -> None:
        if stop.is_set():
            kill_all()
            os._exit(EXIT_REFUSED)
        stop.set()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, on_signal)

    def on_hangup() -> None:
        tasks.start(_reload(pool, file), "reload")

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)


async def _reload(pool: WorkerPool, file: ConfigFile) -> None:
    try:
        await reload(pool, file)
    except TurnoutError as error:
        log.error("reload: %s", error.message)  # noqa: TRY400 - the message says it
    else:
        log.info("every worker was replaced")
