"""WORKER_COUNT processes that each host the script, behind one instance (azure.md 7.1).

A request waits here until a process is free, so that none waits behind a slow one. With
one worker there is no pool: executor.py runs the script in the instance itself.
"""

import asyncio
import logging
import math
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable

from runtime import child, frames
from runtime.request import Request, as_message
from runtime.script import ScriptError, Source
from runtime.sink import HOLD_NS, Sink
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, Flow, RequestBatch, ScoreRequest

BATCH_MAX = 64

log = logging.getLogger("runtime")

_Waiting = tuple[Sink, Request, int]


class _Worker:
    """One process.

    Attributes:
        asked: what it has: by the number it knows, whose request and its own number.
        dues_ns: of what it has, by the same number, when nobody waits any more.
    """

    def __init__(self, source: Source) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", child.__name__, "--channel", str(theirs.fileno())]
        command += ["--code", str(source.code), "--scoring-script", source.scoring_script]
        if source.model is not None:
            command += ["--model", str(source.model)]
        with theirs:
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self.asked: dict[int, tuple[Sink, int]] = {}
        self.dues_ns: dict[int, int] = {}
        self._socket = ours

    def is_stuck(self, now_ns: int) -> bool:
        """Whether what it runs should have ended long ago."""
        return any(due_ns < now_ns for due_ns in self.dues_ns.values())

    async def start(self) -> bool:
        """Waits until its script is ready; tells whether that wants headers.

        Raises:
            WorkerEndedError: it ended instead, and said why in the log.
        """
        self.reader, self.writer = await asyncio.open_connection(sock=self._socket)
        try:
            return await self.reader.readexactly(1) == child.READY_WITH_HEADERS
        except (asyncio.IncompleteReadError, ConnectionError):
            raise WorkerEndedError(self) from None


class WorkerEndedError(ScriptError):
    """A worker process is gone."""

    def __init__(self, worker: _Worker) -> None:
        super().__init__(
            f"worker process {worker.process.pid} of WORKER_COUNT ended; its last line says why"
        )


class Pool:
    """Hands requests to worker processes. It has an executor's methods."""

    def __init__(self, source: Source, count: int) -> None:
        self._workers = [_Worker(source) for _ in range(count)]
        self._queue: deque[_Waiting] = deque()
        self._last_number = 0
        self._run_ns = HOLD_NS
        self._readers: list[asyncio.Task[WorkerEndedError]] = []

    async def start(self) -> bool:
        """Returns when every process is ready; whether the script wants headers.

        Raises:
            WorkerEndedError: one of them ended.
        """
        wants_headers = await asyncio.gather(*(worker.start() for worker in self._workers))
        self._readers = [asyncio.create_task(self._read(worker)) for worker in self._workers]
        return any(wants_headers)

    async def failure(self) -> Exception:
        """Waits until a worker ends; to be called when all have started."""
        done, _ = await asyncio.wait(self._readers, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()

    def submit(self, requests: Iterable[Request], sink: Sink) -> None:
        """Queues requests; each will be answered into ``sink`` unless that is closed."""
        received_ns = time.monotonic_ns()
        for request in requests:
            sink.expect()
            self._queue.append((sink, request, received_ns))
        self._hand_out()

    @property
    def is_stuck(self) -> bool:
        """Whether no process is left that could answer."""
        now_ns = time.monotonic_ns()
        return all(worker.is_stuck(now_ns) for worker in self._workers)

    def steer(self, flows: Iterable[Flow], sink: Sink) -> None:
        """Passes on what the router says of streamed answers."""
        for flow in flows:
            for worker in self._workers:
                known = (
                    number for number, asked in worker.asked.items() if asked == (sink, flow.id)
                )
                if (number := next(known, None)) is not None:
                    flow.id = number
                    frames.write(worker.writer, RequestBatch(flows=[flow]))
                    break

    def drop(self, sink: Sink) -> None:
        """Its stream is gone: what it asked need not run, and what runs need not be sent."""
        sink.close()
        for worker in self._workers:
            numbers = [number for number, asked in worker.asked.items() if asked[0] is sink]
            if numbers:
                flows = [Flow(id=number, cancelled=True) for number in numbers]
                frames.write(worker.writer, RequestBatch(flows=flows))

    def _hand_out(self) -> None:
        """Gives each free worker its share of the queue, about a millisecond's at most."""
        free = [worker for worker in self._workers if not worker.asked]
        for index, worker in enumerate(free):
            share = math.ceil(len(self._queue) / (len(free) - index))
            count = min(share, max(HOLD_NS // self._run_ns, 1), BATCH_MAX)
            if batch := self._take(worker, count):
                frames.write(worker.writer, RequestBatch(requests=batch))

    def _take(self, worker: _Worker, count: int) -> list[ScoreRequest]:
        batch: list[ScoreRequest] = []
        now_ns = time.monotonic_ns()
        while self._queue and len(batch) < count:
            sink, asked, received_ns = self._queue.popleft()
            if sink.closed:
                continue
            request = as_message(asked)
            self._last_number += 1
            worker.asked[self._last_number] = (sink, request.id)
            request.id = self._last_number
            if request.timeout_ns:
                worker.dues_ns[self._last_number] = received_ns + request.timeout_ns
                request.timeout_ns = max(request.timeout_ns - (now_ns - received_ns), 1)
            batch.append(request)
        return batch

    async def _read(self, worker: _Worker) -> WorkerEndedError:
        try:
            while True:
                batch = AnswerBatch.FromString(await frames.read(worker.reader))
                for answer in batch.answers:
                    sink, request_id = worker.asked[answer.id]
                    if answer.more and sink.closed:
                        # It had not begun when ``drop`` said so.
                        flow = Flow(id=answer.id, cancelled=True)
                        frames.write(worker.writer, RequestBatch(flows=[flow]))
                    if not answer.more:
                        del worker.asked[answer.id]
                        worker.dues_ns.pop(answer.id, None)
                        self._run_ns = answer.run_ns or self._run_ns
                    answer.id = request_id
                    sink.add_part(answer)
                self._hand_out()
        except (asyncio.IncompleteReadError, ConnectionError):
            return WorkerEndedError(worker)
