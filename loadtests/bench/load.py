"""The load generator: wrk, closed loop, on the core that the router does not use."""

import contextlib
import json
import resource
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from loadtests.bench.tools import debian
from loadtests.bench.work import BODY, KEY, LOAD_CORE, headers

SCRIPT = Path(__file__).with_name("wrk.lua")
US_PER_S = 1e6


class Load(NamedTuple):
    """What one run of wrk saw.

    Attributes:
        failed: connections refused, cut or timed out, and answers other than 2xx.
        generator_cores: how much of a core wrk itself used.
        router_cpu_us: processor time of the router's processes for each request; 0 if not read.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int
    generator_cores: float = 0.0
    router_cpu_us: float = 0.0

    @property
    def requests_per_s(self) -> float:
        """Throughput."""
        return self.requests / self.seconds


@contextlib.contextmanager
def under_load(
    url: str,
    *,
    connections: int,
    seconds: float,
    folder: Path,
    body: bytes = BODY,
    key: str = KEY,
    varied: bool = False,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Starts wrk, which ends by itself; ``result`` reads what it printed.

    Args:
        varied: each request has an id of its own in its head.
    """
    payload = folder / f"body-{len(body)}"
    payload.write_bytes(body)
    arguments = (str(payload), *(["varied"] if varied else []))
    with _wrk(url, headers(key), connections, seconds, arguments) as process:
        yield process


@contextlib.contextmanager
def under_swaps(
    url: str, resources: tuple[bytes, bytes], every_ms: int, *, seconds: float, folder: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Starts wrk, which PUTs one resource and the other in turn.

    Args:
        every_ms: from one request to the next, unless an answer takes longer.
    """
    paths = [folder / f"resource-{number}" for number in range(2)]
    for path, content in zip(paths, resources, strict=True):
        path.write_bytes(content)
    arguments = (str(paths[0]), "swaps", str(paths[1]), str(every_ms))
    with _wrk(url, {}, 1, seconds, arguments) as process:
        yield process


@contextlib.contextmanager
def _wrk(
    url: str,
    sent_headers: Mapping[str, str],
    connections: int,
    seconds: float,
    arguments: Sequence[str],
) -> Iterator["subprocess.Popen[bytes]"]:
    command = ["taskset", "--cpu-list", str(LOAD_CORE), debian("wrk"), "--threads", "1"]
    command += ["--connections", str(connections), "--duration", f"{seconds:.0f}s"]
    command += ["--timeout", "20s", "--script", str(SCRIPT)]
    for name, value in sent_headers.items():
        command += ["--header", f"{name}: {value}"]
    command += [url, "--", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def result(process: "subprocess.Popen[bytes]") -> Load:
    """Waits for the end of a run."""
    before = _children_cpu_s()
    printed = process.communicate()[0].splitlines()
    seen = Load(**json.loads(printed[-1]))
    return seen._replace(generator_cores=(_children_cpu_s() - before) / seen.seconds)


def _children_cpu_s() -> float:
    """Of those that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(
    url: str,
    *,
    connections: int,
    seconds: float,
    folder: Path,
    body: bytes = BODY,
    key: str = KEY,
    varied: bool = False,
) -> Load:
    """One run of wrk, from begin to end."""
    with under_load(
        url,
        connections=connections,
        seconds=seconds,
        folder=folder,
        body=body,
        key=key,
        varied=varied,
    ) as process:
        return result(process)
