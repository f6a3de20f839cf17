"""The routers that are compared: each file starts one of them with the same work to do.

A contender is a context manager that takes a folder of its own and the upstreams' ports,
and yields a Router that listens. Where a program leaves a choice, the faster one is taken.
"""

from typing import NamedTuple

from loadtests.bench.work import KEY


class Router(NamedTuple):
    """A router that listens.

    Attributes:
        url: where it takes the work.
        pids: its own processes, whose time and memory are measured: no upstream's.
        key: what clients send; only Turnout looks at it.
    """

    name: str
    version: str
    url: str
    pids: tuple[int, ...]
    key: str = KEY
