"""Turnout's worker and one instance."""

import contextlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from loadtests.bench.contenders.turnout import Daemon, Scoring, Setup, daemon
from loadtests.bench.processes import descendants, pin
from loadtests.bench.services.service import Service
from loadtests.bench.work import ROUTER_CORE


@contextlib.contextmanager
def turnout(folder: Path) -> Iterator[Service]:
    """The worker on the router's core, the instance on the other."""
    with _serving(folder) as made:
        pin(made.worker_pids(), {ROUTER_CORE})
        yield _service("Turnout", made)


@contextlib.contextmanager
def turnout_on_one_core(folder: Path) -> Iterator[Service]:
    """The daemon, its worker and the instance on the router's core."""
    with _serving(folder) as made:
        family = descendants(made.process.pid)
        pin([made.process.pid, *(process.pid for process in family)], {ROUTER_CORE})
        yield _service("Turnout on one core", made)


def _serving(folder: Path) -> contextlib.AbstractContextManager[Daemon]:
    setup = Setup({"blue": Scoring("busy.py")}, traffic={"blue": 100}, mirror_traffic={})
    return daemon(folder, setup)


def _service(name: str, made: Daemon) -> Service:
    return Service(name, f"turnout {version('turnout')}", made.url, key=made.key)
