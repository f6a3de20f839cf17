"""One operation at a time on an endpoint (azure.md 8.3)."""

from collections.abc import Iterator
from contextlib import contextmanager

from router.core.errors import Conflict


class Exclusive:
    """The operations that run, by endpoint."""

    def __init__(self) -> None:
        self._running: dict[str, str] = {}

    @contextmanager
    def on(self, endpoint_name: str, kind: str) -> Iterator[None]:
        """Keeps other operations off the endpoint meanwhile.

        Raises:
            Conflict: another one runs.
        """
        self.begin(endpoint_name, kind)
        try:
            yield
        finally:
            self.end(endpoint_name)

    def begin(self, endpoint_name: str, kind: str) -> None:
        """As ``on``, until ``end``."""
        running = self._running.get(endpoint_name)
        if running is not None:
            raise Conflict(
                f"expected an endpoint without a running operation, got {endpoint_name!r}, on "
                f"which one of kind {running} runs. Try again when it has ended."
            )
        self._running[endpoint_name] = kind

    def end(self, endpoint_name: str) -> None:
        """The operation has ended."""
        del self._running[endpoint_name]
