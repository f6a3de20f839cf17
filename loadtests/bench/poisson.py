"""An open-loop load generator: Poisson arrivals, on time whatever became of those before.

A process of its own (``python -m loadtests.bench.poisson URL``, the key in TURNOUT_KEY),
which prints one line of JSON. A latency counts from the moment that the schedule names,
not from when the request was sent: neither the router nor the generator can hide a stall by
sending less. What it measures is compared with queueing.py's ideal in balance.py.
"""

import argparse
import asyncio
import json
import os
import select
import selectors
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools

from loadtests.bench.queueing import poisson_arrivals, quantile
from loadtests.bench.work import BODY, headers

KEY_VARIABLE = "TURNOUT_KEY"
STATUS_OK = 200
RUN_HEADER = b"x-ms-run-fn-exec-ms"
# Far more than are in flight unless the service stands still.
CONNECTIONS = 512
# Before the first arrival, so that it is not late already.
LEAD_S = 0.1
# How long the last answers may take.
TAIL_S = 10.0


class NoAnswerError(Exception):
    """There is nothing to measure."""


class Report(NamedTuple):
    """What one run saw. Times in ms, over the requests that were answered.

    Attributes:
        failed: cut or unanswered, or answered other than 200, or no connection was free.
        late_p99_ms: by how much the generator itself sent after the schedule.
        run_ms: the mean that the answers' header x-ms-run-fn-exec-ms gives.
    """

    sent: int
    failed: int
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    run_ms: float


class Tally:
    """What came of the requests so far."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.late_s: list[float] = []
        self.latencies_s: list[float] = []
        self.runs_ms: list[float] = []

    def report(self) -> Report:
        """All that were not answered count as failed.

        Raises:
            NoAnswerError: none was answered.
        """
        if not self.latencies_s:
            raise NoAnswerError(f"expected {len(self.late_s)} answers of status 200, got none")
        return Report(
            sent=len(self.late_s),
            failed=len(self.late_s) - len(self.latencies_s),
            p50_ms=quantile(self.latencies_s, 0.5) * 1000,
            p99_ms=quantile(self.latencies_s, 0.99) * 1000,
            late_p99_ms=quantile(self.late_s, 0.99) * 1000,
            run_ms=sum(self.runs_ms) / len(self.runs_ms),
        )


class Client(asyncio.Protocol):
    """A kept-alive connection with at most one request on it; idle ones lie in ``idle``."""

    def __init__(self, idle: deque["Client"], tally: Tally) -> None:
        self._idle = idle
        self._tally = tally
        self._due = 0.0
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It may be used."""
        # uvloop's transports don't inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self._idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """What was on it stays unanswered."""
        if self._busy:
            self._tally.in_flight -= 1
        else:
            self._idle.remove(self)

    def ask(self, request: bytes, due: float) -> None:
        """Sends a request that was due at this time."""
        self._due = due
        self._busy = True
        self._tally.in_flight += 1
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools': the script's own time is noted."""
        if name.lower() == RUN_HEADER:
            self._run_ms = float(value)

    def on_message_complete(self) -> None:
        """httptools': the answer is whole."""
        if self._parser.get_status_code() == STATUS_OK:
            self._tally.latencies_s.append(time.monotonic() - self._due)
            self._tally.runs_ms.append(self._run_ms)
        self._busy = False
        self._tally.in_flight -= 1
        self._idle.append(self)

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()


def request_bytes(url: str, key: str) -> bytes:
    """The request, as it goes over the wire."""
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(BODY)}"]
    lines += [f"{name}: {value}" for name, value in headers(key).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + BODY


async def send(url: str, key: str, arrivals_s: Iterable[float]) -> Report:
    """Sends one request at each of these times from now, and waits for the last answers."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    address = (str(parts.hostname), int(parts.port or 80))
    tally, idle = Tally(), deque[Client]()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Client(idle, tally), *address)
    clients, request = tuple(idle), request_bytes(url, key)
    start = time.monotonic() + LEAD_S
    for arrival_s in arrivals_s:
        due = start + arrival_s
        await asyncio.sleep(due - time.monotonic())
        tally.late_s.append(time.monotonic() - due)
        if idle:
            # In turn: none is idle for so long that the server ends it, just when it is used.
            idle.popleft().ask(request, due)
    deadline = time.monotonic() + TAIL_S
    # After the last arrival: an event would be set for each answer before.
    while tally.in_flight and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(LEAD_S)
    for client in clients:
        client.close()
    return tally.report()


class PreciseSelector(selectors.EpollSelector):
    """epoll with timeouts in microseconds, as select() has them; its own count milliseconds."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As epoll does, but for the time that it takes."""
        select.select([self], [], [], timeout)
        return super().select(0)


def precise_loop() -> asyncio.AbstractEventLoop:
    """The standard library's loop, since uvloop's timers count milliseconds too."""
    return asyncio.SelectorEventLoop(PreciseSelector())


def main() -> None:
    """Prints the Report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, required=True, help="requests/s")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    chosen = parser.parse_args()
    arrivals_s = poisson_arrivals(chosen.rate, chosen.seconds, chosen.seed)
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        report = runner.run(send(chosen.url, os.environ[KEY_VARIABLE], arrivals_s))
    print(json.dumps(report._asdict()))


if __name__ == "__main__":
    main()
