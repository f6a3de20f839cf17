"""Threads that call ``run()``, as many at once as the deployment allows and no more.

Handing a request to a thread is cheap and waking the event loop is not, so answers are
gathered: a thread wakes the loop when it has nothing left to run, and else lets the first
answer wait for a millisecond, whatever runs next. A fast ``run()`` is answered by the
batch, a slow one at once.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from queue import SimpleQueue

from runtime.results import score
from runtime.script import Run
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

HOLD_NS = 1_000_000
HOLD_S = HOLD_NS / 1e9


class Sink:
    """Where the answers of one stream gather. Filled by threads, emptied on the event loop.

    Attributes:
        idle: set while every request that was submitted for it has been answered and sent.
        closed: the stream is gone; its requests need not run.
    """

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self.closed = False
        self._loop = asyncio.get_running_loop()
        # A deque, because one side may append while the other takes.
        self._answers: deque[ScoreAnswer] = deque()
        self._filled = asyncio.Event()
        self._held = False
        self._outstanding = 0

    def expect(self) -> None:
        """One more answer will come."""
        self._outstanding += 1
        self.idle.clear()

    def add(self, answer: ScoreAnswer, *, at_once: bool) -> None:
        """Takes an answer, to be sent at once or within HOLD_S with what gathers. For threads."""
        self._answers.append(answer)
        if at_once:
            self._loop.call_soon_threadsafe(self._filled.set)
        # After the append, so no answer is left behind: who sees it held sees a timer to come.
        elif not self._held:
            self._held = True
            self._loop.call_soon_threadsafe(self._loop.call_later, HOLD_S, self._release)

    async def take(self) -> list[ScoreAnswer]:
        """Waits for answers and takes all that are there."""
        while not self._answers:
            self._filled.clear()
            await self._filled.wait()
        return [self._answers.popleft() for _ in range(len(self._answers))]

    def on_sent(self, count: int) -> None:
        """Answers have been sent."""
        self._outstanding -= count
        if not self._outstanding:
            self.idle.set()

    def _release(self) -> None:
        self._held = False
        self._filled.set()


_Work = tuple[Sink, ScoreRequest, int]


class Executor:
    """Runs requests on ``parallel_runs`` threads.

    Args:
        load: imports the script and calls ``init()``; called once, on a thread that then
            runs requests, because some libraries want to be used where they were set up.
    """

    def __init__(self, load: Callable[[], Run], parallel_runs: int) -> None:
        self._load = load
        self._parallel_runs = parallel_runs
        self._queue: SimpleQueue[_Work] = SimpleQueue()
        self._run: Run | None = None

    async def start(self) -> None:
        """Returns when the script is ready; raises what its import or ``init()`` raised."""
        loop = asyncio.get_running_loop()
        loaded: asyncio.Future[None] = loop.create_future()

        def begin() -> None:
            try:
                self._run = self._load()
            except BaseException as error:  # noqa: BLE001
                # A script's sys.exit() is a failed start like any other.
                failure = RuntimeError(f"the script ended itself: {error!r}")
                shown = error if isinstance(error, Exception) else failure
                loop.call_soon_threadsafe(loaded.set_exception, shown)
                return
            loop.call_soon_threadsafe(loaded.set_result, None)
            self._work()

        self._spawn(begin)
        await loaded
        for _ in range(self._parallel_runs - 1):
            self._spawn(self._work)

    def submit(self, requests: Iterable[ScoreRequest], sink: Sink) -> None:
        """Queues requests; each will be answered into ``sink`` unless that is closed."""
        received_ns = time.monotonic_ns()
        for request in requests:
            sink.expect()
            self._queue.put((sink, request, received_ns))

    def _spawn(self, target: Callable[[], None]) -> None:
        # Daemon threads: a run() that never returns must not keep the process from ending.
        threading.Thread(target=target, name="run", daemon=True).start()

    def _work(self) -> None:
        run = self._run
        assert run is not None
        while True:
            sink, request, received_ns = self._queue.get()
            if sink.closed:
                continue
            answer = score(run, request, received_ns)
            # An answer that took long has company only by chance; the last one has none.
            sink.add(answer, at_once=answer.run_ns >= HOLD_NS or self._queue.empty())
