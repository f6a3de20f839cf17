"""`python -m runtime`: one instance, hosting one scoring script.

The control plane starts it; a person can too. It serves gRPC on ``--target`` from its
start, is healthy once ``init()`` has returned, and drains on SIGTERM.
"""

import asyncio
import logging
import os
import signal
import sys
import traceback
from functools import partial
from pathlib import Path

import click
import uvloop

from runtime import logs
from runtime.executor import Executor
from runtime.script import ScriptError, load
from runtime.service import Service

EXIT_SCRIPT_FAILED = 3
EXIT_TARGET_REFUSED = 4
DRAIN_TIMEOUT_S = 60.0
# A script that computes in Python gives way to the event loop after this time, not after
# CPython's 5 ms, so that answers and health checks are not held up by it.
SWITCH_INTERVAL_S = 0.001

log = logging.getLogger("runtime")


@click.command()
@click.option("--target", required=True, help="gRPC address, e.g. unix:/run/turnout/i1.sock.")
@click.option("--code", type=click.Path(path_type=Path), required=True, help="Folder of the code.")
@click.option("--scoring-script", required=True, help="The script's path below --code.")
@click.option("--model", type=click.Path(path_type=Path), help="Model file or folder.")
def main(target: str, code: Path, scoring_script: str, model: Path | None) -> None:
    """Serves until SIGTERM; a second one ends it at once. WORKER_COUNT run() at a time."""
    logs.configure()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    executor = Executor(partial(load, code, scoring_script, model), _parallel_runs())
    status = uvloop.run(_serve(target, executor, scoring_script))
    # Not sys.exit: threads inside native code don't survive the interpreter's tear-down.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


def _parallel_runs() -> int:
    text = os.environ.get("WORKER_COUNT", "1")
    if not text.isdecimal() or int(text) < 1:
        raise click.UsageError(
            f"expected a whole number of at least 1, got {text!r}, in the environment variable "
            f"WORKER_COUNT"
        )
    return int(text)


async def _serve(target: str, executor: Executor, scoring_script: str) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, stop)
    service = Service(executor)
    try:
        await service.start(target)
    except RuntimeError as error:
        log.critical("expected an address to listen on, got --target %s: %s", target, error)
        return EXIT_TARGET_REFUSED
    started = asyncio.create_task(executor.start())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([started, stopped], return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        try:
            started.result()
        except Exception as error:  # noqa: BLE001 - whatever a script raises
            _explain(error, scoring_script)
            return EXIT_SCRIPT_FAILED
        await service.on_ready()
        log.info("ready on %s", target)
    await stopped
    await service.drain(DRAIN_TIMEOUT_S)
    return 0


def _explain(error: Exception, scoring_script: str) -> None:
    """Prints the traceback, if it tells anything, and then one line that says what to do."""
    cause = error.__cause__ if isinstance(error, ScriptError) else error
    if cause is not None:
        traceback.print_exception(cause, file=sys.stdout)
    if isinstance(error, ScriptError):
        log.critical("%s", error)
    else:
        log.critical(
            "%s did not start: %s: %s. Mend it and deploy it again.",
            scoring_script, type(error).__name__, error,
        )  # fmt: skip


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(1)
    stop.set()


if __name__ == "__main__":
    main()
