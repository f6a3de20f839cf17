"""A process that hosts a scoring script: the script on the main thread, its service beside it.

Signals and many libraries want the main thread; whoever serves the requests gets an event
loop on another. What the service is, an instance's or one of its workers', is the caller's.
"""

import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any

import click
import uvloop

from runtime import aliases, logs, output
from runtime.app import App
from runtime.script import MODULE_NAME, ScriptError, Source, load, set_environment

EXIT_SCRIPT_FAILED = 3
# A script that computes in Python gives way to the event loop after this time, not after
# CPython's 5 ms, so that answers and health checks are not held up by it.
SWITCH_INTERVAL_S = 0.001
TIMEOUT_VARIABLE = "SCORING_TIMEOUT_MS"

log = logging.getLogger("runtime")


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which script to host; the command gets them as ``source``."""

    @click.option("--code", type=click.Path(path_type=Path), required=True, help="Its folder.")
    @click.option("--scoring-script", required=True, help="The script's path below --code.")
    @click.option("--model", type=click.Path(path_type=Path), help="Model file or folder.")
    @wraps(command)
    def with_source(code: Path, scoring_script: str, model: Path | None, **others: Any) -> None:
        timeout_ms = whole_number(TIMEOUT_VARIABLE, None)
        command(source=Source(code, scoring_script, model, timeout_ms), **others)

    return with_source


def whole_number(variable: str, default: int | None) -> int | None:
    """An environment variable that counts something, from 1 on.

    Raises:
        click.UsageError: it is no such number.
    """
    text = os.environ.get(variable)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise click.UsageError(
            f"expected a whole number of at least 1, got {text!r}, in the environment variable "
            f"{variable}"
        )
    return int(text)


def prepare(source: Source) -> None:
    """What every such process wants before it does anything, and has a second thread."""
    output.make_unfailing()
    logs.configure()
    # A crash in native code leaves its trace in the log.
    faulthandler.enable(sys.stdout)
    aliases.install()
    set_environment(source)
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def watch_signals() -> socket.socket:
    """A socket that tells of signals at once, whatever the script on this thread is doing."""
    told, teller = socket.socketpair()
    for end_ in (told, teller):
        end_.setblocking(False)  # noqa: FBT003 - the socket module's own signature
    signal.set_wakeup_fd(teller.detach())
    return told


def host(work: Callable[[], None], serve: Callable[[], Coroutine[Any, Any, int]]) -> None:
    """Works on this thread, the main one, and serves on another; exits with what that returns.

    What ``serve`` raises, because a script can't be loaded, is explained in the log and ends
    the process with 3, as does what ``work`` raises.
    """
    threading.Thread(target=lambda: uvloop.run(_serve_to_the_end(serve)), name="service").start()
    try:
        work()
    except BaseException:
        # A script's own signal handler, for one. Without this thread nothing is answered.
        log.exception("the thread that runs the scoring script was ended")
        end(EXIT_SCRIPT_FAILED)


def load_app(source: Source) -> App:
    """The script, ready to answer. Raises what script.load raises."""
    script = load(source)
    if not script.uses_flask:
        return App(script, None)
    from runtime.web import in_context  # noqa: PLC0415 - slow to import, for few scripts

    return App(script, in_context)


def end(status: int) -> None:
    """Ends the process. Not sys.exit: the script's thread may be inside native code."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


async def _serve_to_the_end(serve: Callable[[], Coroutine[Any, Any, int]]) -> None:
    try:
        status = await serve()
    except Exception as error:  # noqa: BLE001 - whatever a script raises
        _explain(error)
        status = EXIT_SCRIPT_FAILED
    # While the loop still runs: gRPC's own threads don't survive a loop that is closed.
    end(status)


def _from_the_script_on(trace: TracebackType | None) -> TracebackType | None:
    """Without the frames that led to the script; all of them if it has none."""
    found = trace
    while found is not None and found.tb_frame.f_globals.get("__name__") != MODULE_NAME:
        found = found.tb_next
    return found or trace


def _explain(error: Exception) -> None:
    """Logs the traceback, if it tells anything, and then one line that says what to do."""
    cause = error.__cause__ if isinstance(error, ScriptError) else error
    if cause is not None:
        told = cause.with_traceback(_from_the_script_on(cause.__traceback__))
        log.error("Encountered exception in the scoring script", exc_info=told)
    if isinstance(error, ScriptError):
        log.critical("%s", error)
    else:
        log.critical(
            "the scoring script did not start: %s: %s. Mend it and deploy it again.",
            type(error).__name__, error,
        )  # fmt: skip
