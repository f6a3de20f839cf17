"""The router: core (decides), data plane (workers), control plane (state) and CLI.

``from router import Router`` gives the whole of it inside an asyncio program.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.embedded import Answered, Router, ScoringError

__all__ = ["Answered", "Router", "ScoringError"]


def __getattr__(name: str) -> object:
    # Imported by need: the command line must not pay for grpc.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from router import embedded  # noqa: PLC0415

    return getattr(embedded, name)
