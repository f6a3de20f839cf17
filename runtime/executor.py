"""The thread that calls ``run()``: the process's main one, as scripts and signals want it.

Handing a request to a thread is cheap and waking the event loop is not, so answers are
gathered: the thread wakes the loop when it has little or nothing left to run, and else lets
the first answer wait for a millisecond, whatever runs next (sink.py). A fast ``run()`` is
answered by the batch, a slow one at once.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue

from runtime import answers
from runtime.app import App
from runtime.columns import Answer
from runtime.credit import Credit
from runtime.request import Request
from runtime.sink import Sink, is_due
from turnout.scoring.v1.scoring_pb2 import Flow, ScoreAnswer

log = logging.getLogger("azmlinfsrv")

_Work = tuple[Sink, Request, int]


class Executor:
    """Runs requests one at a time.

    Args:
        load: imports the script and calls ``init()``; called once, on the thread that then
            runs requests, because some libraries want to be used where they were set up.
    """

    def __init__(self, load: Callable[[], App]) -> None:
        self._load = load
        self._loaded: Future[App] = Future()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        # Of what runs now; 0 while nothing does, or nobody set a limit.
        self._due_ns = 0

    def work(self) -> None:
        """Loads the script and runs requests for ever; returns only if it can't be loaded."""
        try:
            app = self._load()
        except BaseException as error:  # noqa: BLE001
            # A script's sys.exit() is a failed start like any other.
            failure = RuntimeError(f"the script ended itself: {error!r}")
            self._loaded.set_exception(error if isinstance(error, Exception) else failure)
            return
        self._loaded.set_result(app)
        while True:
            work = self._queue.get()
            if work is None:
                continue
            sink, request, received_ns = work
            if not sink.closed:
                self._answer(app, sink, request, received_ns)

    async def start(self) -> bool:
        """Returns when the script is ready; raises what its import or ``init()`` raised.

        Returns:
            Whether it wants the clients' headers.
        """
        return (await asyncio.wrap_future(self._loaded)).wants_headers

    async def failure(self) -> Exception:
        """What ended it; never, since the thread lives as long as the process."""
        never: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        return await never

    def submit(self, requests: Iterable[Request], sink: Sink) -> None:
        """Queues requests; each will be answered into ``sink`` unless that is closed."""
        received_ns = time.monotonic_ns()
        for request in requests:
            sink.expect()
            self._queue.put((sink, request, received_ns))

    @property
    def is_stuck(self) -> bool:
        """Whether what runs now should have ended long ago: nobody waits for it any more."""
        due_ns = self._due_ns
        return 0 < due_ns < time.monotonic_ns()

    def notice_signal(self) -> None:
        """Has a signal's handler called that came just before the thread began to wait.

        It waits in native code, which a signal interrupts only if it waits already; handlers
        are called when it is back in Python.
        """
        self._queue.put(None)

    def steer(self, flows: Iterable[Flow], sink: Sink) -> None:
        """Takes in what the router says of streamed answers."""
        sink.steer(flows)

    def drop(self, sink: Sink) -> None:
        """Its stream is gone: what it asked need not run, and what runs need not be sent."""
        sink.close()

    def _answer(self, app: App, sink: Sink, request: Request, received_ns: int) -> None:
        self._due_ns = received_ns + request.timeout_ns if request.timeout_ns else 0
        answer = app.answer(request, received_ns)
        if isinstance(answer, Answer):
            sink.add(answer, at_once=is_due(answer.run_ns, self._queue.qsize()))
        else:
            _stream(answer, sink, request)
        self._due_ns = 0


def _stream(parts: Iterator[ScoreAnswer], sink: Sink, request: Request) -> None:
    """Sends the parts as they are made, no faster than they are read.

    An answer that nobody wants any more is closed, which ends its generator, and its last
    part is sent in its place.
    """
    credit = sink.credits[request.id] = Credit()
    if sink.closed:
        credit.cancel()
    begun, more = False, True
    try:
        with contextlib.closing(parts):  # type: ignore[type-var] # a generator
            for part in parts:
                wanted = credit.spend(len(part.payload))
                begun, more = True, part.more and wanted
                sink.add_part(part if wanted else ScoreAnswer(id=request.id))
                if not wanted:
                    return
    # Of what is around the response, as flask's contexts; see App.answer.
    except BaseException as error:
        log.exception("Encountered exception around a streamed response")
        if more:
            failed = answers.unanswerable(request, error)
            if begun:
                # Else what has come would be taken for a whole answer.
                failed.outcome, failed.payload = ScoreAnswer.OUTCOME_RAISED, b""
            sink.add_part(failed)
    finally:
        del sink.credits[request.id]
