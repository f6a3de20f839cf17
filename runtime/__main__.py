"""`python -m runtime`: one instance, hosting one scoring script.

The control plane starts it; a person can too. It serves gRPC on ``--target`` from its
start, is healthy once ``init()`` has returned, and drains on SIGTERM.
"""

import asyncio
import logging
import os
import signal
import socket
from functools import partial

import click

from runtime import process
from runtime.executor import Executor
from runtime.pool import Pool
from runtime.process import source_options, whole_number
from runtime.script import Source
from runtime.service import Service

EXIT_FORCED = 1
EXIT_TARGET_REFUSED = 4
DRAIN_TIMEOUT_S = 60.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("runtime")


@click.command()
@click.option("--target", required=True, help="gRPC address, e.g. unix:/run/turnout/i1.sock.")
@source_options
def main(target: str, source: Source) -> None:
    """Serves until SIGTERM; a second one ends it at once. WORKER_COUNT run() at a time."""
    count = whole_number("WORKER_COUNT", 1)
    assert count is not None
    process.prepare(source)
    signals = process.watch_signals()
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)
    if count == 1:
        executor = Executor(partial(process.load_app, source))
        process.host(executor.work, partial(_serve, target, executor, signals))
    else:
        pool = Pool(source, count)
        process.host(lambda: None, partial(_serve, target, pool, signals))


async def _serve(target: str, runner: Executor | Pool, signals: socket.socket) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(signals, _on_signal, signals, stop, runner)
    service = Service(runner)
    try:
        await service.start(target)
    except RuntimeError as error:
        log.critical("expected an address to listen on, got --target %s: %s", target, error)
        return EXIT_TARGET_REFUSED
    started = asyncio.create_task(runner.start())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([started, stopped], return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        await service.on_ready(wants_headers=started.result())
        log.info("ready on %s", target)
        failed = asyncio.create_task(runner.failure())
        await asyncio.wait([stopped, failed], return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            raise failed.result()
    await service.drain(DRAIN_TIMEOUT_S)
    return 0


def _on_signal(signals: socket.socket, stop: asyncio.Event, runner: Executor | Pool) -> None:
    numbers = signals.recv(64)
    # A script's own, too, and SCORING_TIMEOUT_MS's.
    if isinstance(runner, Executor):
        runner.notice_signal()
    for number in numbers:
        if number in STOP_SIGNALS:
            if stop.is_set():
                os._exit(EXIT_FORCED)
            stop.set()


if __name__ == "__main__":
    main()
