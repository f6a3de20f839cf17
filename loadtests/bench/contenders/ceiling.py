"""The ceiling: what uvloop and httptools reach with a fixed answer and nothing behind them."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from loadtests.bench.contenders import Router
from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.work import ANSWER, PATH, ROUTER_CORE

SERVER = Path(__file__).with_name("ceiling_server.py")


@contextlib.contextmanager
def ceiling(folder: Path, upstreams: Mapping[str, int]) -> Iterator[Router]:  # noqa: ARG001 - as all
    """One process on the router's core."""
    port = free_port()
    command = [sys.executable, str(SERVER), str(port), ANSWER]
    with running(command, folder, core=ROUTER_CORE) as process:
        await_port(port, process, folder)
        said = f"uvloop {version('uvloop')}, httptools {version('httptools')}"
        yield Router("ceiling", said, f"http://127.0.0.1:{port}{PATH}", (process.pid,))
