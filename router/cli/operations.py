"""Waits for the control plane's long operations, with their progress on stderr.

stdout stays free for what the command prints. A person at a terminal gets a spinner,
anything else a plain line whenever there is news.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from router.cli.control_plane import ControlPlane, Reply
from router.cli.errors import CommandFailed, Unreachable, only_errors, warn

OPERATION_HEADER = "Azure-AsyncOperation"
# The control plane answers when the operation ends, or after this time with its progress.
POLL_WAIT_S = 1
# A control plane that was started again goes on with the operation; so long it is waited for.
RESTART_TIMEOUT_S = 30.0
RETRY_S = 0.5
RUNNING = ("Creating", "Updating", "Deleting", "Scaling")


def wait(control_plane: ControlPlane, reply: Reply, title: str) -> None:
    """Returns when the operation that ``reply`` began is done; at once if it began none.

    Args:
        control_plane: where ``reply`` came from.
        reply: the answer to a PUT, POST or DELETE.
        title: what to show meanwhile, e.g. "Creating deployment blue".

    Raises:
        CommandFailed: the operation failed; the message is the control plane's.
    """
    url = reply.headers.get(OPERATION_HEADER)
    if url is None:
        return
    with _progress(title) as tell:
        while (status := _poll(control_plane, url, tell))["status"] in RUNNING:
            tell((status.get("properties") or {}).get("message"))
    for warning in (status.get("properties") or {}).get("warnings", ()):
        warn(warning)
    if status["status"] != "Succeeded":
        error = status.get("error") or {"code": status["status"], "message": f"{title} ended"}
        raise CommandFailed(f"({error['code']}) {error['message']}")


def _poll(
    control_plane: ControlPlane, url: str, tell: Callable[[str | None], None]
) -> dict[str, Any]:
    give_up_at = time.monotonic() + RESTART_TIMEOUT_S
    while True:
        try:
            reply = control_plane.call("GET", url, headers={"Prefer": f"wait={POLL_WAIT_S}"})
        except Unreachable:
            if time.monotonic() > give_up_at:
                raise
            tell("the control plane does not answer; trying again")
            time.sleep(RETRY_S)
        else:
            status: dict[str, Any] = reply.body
            return status


@contextmanager
def _progress(title: str) -> Iterator[Callable[[str | None], None]]:
    if only_errors():
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield _line_teller(title)
        return

    from rich.console import Console  # noqa: PLC0415 - slow to import, seldom needed

    with Console(stderr=True).status(title) as spinner:
        yield lambda message: spinner.update(_line(title, message))


def _line_teller(title: str) -> Callable[[str | None], None]:
    told = ""

    def tell(message: str | None) -> None:
        nonlocal told
        line = _line(title, message)
        if line != told:
            click.echo(line, err=True)
            told = line

    return tell


def _line(title: str, message: str | None) -> str:
    return f"{title}: {message}" if message else title
