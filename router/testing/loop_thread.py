"""An event loop in a thread of its own: what is awaited there, a plain test can call.

Not the caller's loop, which may be running: the harness is used in async tests, too.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from router.core.errors import TurnoutError
from router.testing.failure import HarnessError

CANCEL_TIMEOUT_S = 60

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines for other threads until it is closed."""

    def __init__(self) -> None:
        # It waits for processes in any thread, whatever policy the caller has set; asyncio's own
        # loop asks that policy (until Python 3.14), and uvloop's can't tell.
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="turnout", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """What the coroutine returns or raises.

        Who interrupts it (Ctrl-C, a test's time limit) gets on when it has cleaned up.
        """
        __tracebackhide__ = True
        ended = threading.Event()

        async def watched() -> Result:
            try:
                return await coroutine
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(watched(), self._loop)
        try:
            return future.result()
        except (HarnessError, TurnoutError) as error:
            # Its message says it all; where in here it was raised is of no matter to a test.
            raise error.with_traceback(None) from None
        except BaseException:
            future.cancel()
            ended.wait(CANCEL_TIMEOUT_S)
            raise

    def close(self) -> None:
        """Ends the thread; nothing may be running in it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
