"""Whole services: router and scoring process together, each with busy.py's run().

As everywhere, what faces the clients has the router's core, and what is behind it shares the
other with the load generator; a service that is one process has the router's core. Only one
is up at a time, since some use the processor while nobody asks: each round starts them anew.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import urllib3

from loadtests.bench import load
from loadtests.bench.load import Load
from loadtests.bench.processes import POLL_S, START_TIMEOUT_S, StartError
from loadtests.bench.scripts import busy
from loadtests.bench.services.azureml import azureml
from loadtests.bench.services.bentoml import bentoml
from loadtests.bench.services.mlserver import mlserver
from loadtests.bench.services.ray_serve import ray_serve
from loadtests.bench.services.service import Service
from loadtests.bench.services.turnout import turnout, turnout_on_one_core
from loadtests.bench.tools import MissingError
from loadtests.bench.work import BODY, headers

Start = Callable[[Path], contextlib.AbstractContextManager[Service]]
SERVICES: Mapping[str, Start] = {
    "Turnout": turnout,
    "Turnout on one core": turnout_on_one_core,
    "Envoy + azureml": azureml,
    "MLServer": mlserver,
    "BentoML": bentoml,
    "Ray Serve": ray_serve,
}
CONNECTIONS, WARM_UP_S = 64, 2
STATUS_OK = 200
# Of the number; the last ones may be rounded otherwise.
DIGITS = 10


def run(
    folder: Path, *, rounds: int, seconds: float
) -> tuple[dict[str, list[Load]], dict[str, str]]:
    """Loads by service, one a round, and versions; what can't be had is left out, and said."""
    seen: dict[str, list[Load]] = {}
    versions: dict[str, str] = {}
    missing: set[str] = set()
    for number in range(rounds):
        for name, start in SERVICES.items():
            own = folder / f"{name.replace(' ', '')}-{number}"
            own.mkdir()
            if name in missing:
                continue
            try:
                with start(own) as service:
                    check(service)
                    _load(service, WARM_UP_S, own)
                    seen.setdefault(name, []).append(_load(service, seconds, own))
                    versions[name] = service.version
            except MissingError as error:
                missing.add(name)
                print(f"{name} is skipped: {error}", file=sys.stderr)
    return seen, versions


def check(service: Service) -> None:
    """Waits for an answer that holds the right number: some listen before they can answer.

    Raises:
        StartError: there was none in time.
    """
    (expected,) = busy.run(BODY.decode())
    digits = str(expected)[:DIGITS].encode()
    got = "no answer"
    deadline = time.monotonic() + START_TIMEOUT_S
    with urllib3.PoolManager(retries=False, timeout=START_TIMEOUT_S) as pool:
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                answer = pool.request(
                    "POST", service.url, body=service.body, headers=headers(service.key)
                )
                if answer.status == STATUS_OK and digits in answer.data:
                    return
                got = f"{answer.status}: {answer.data!r:.300}"
            time.sleep(POLL_S)
    raise StartError(f"expected 200 and {expected} of {service.name}, got {got}")


def _load(service: Service, seconds: float, folder: Path) -> Load:
    return load.run(
        service.url,
        connections=CONNECTIONS,
        seconds=seconds,
        folder=folder,
        body=service.body,
        key=service.key,
    )
