"""The ids that clients and scripts see in x-request-id: GUIDs, at the price of a counter.

azure.md 4.2 wants GUIDs. Random prefixes name the router's process, one for the requests that
were taken and one for the refused; the last group of twelve hexadecimal digits counts.
"""

import uuid
from itertools import count

_PREFIX_CHARACTERS = 24


class RequestIds:
    """The ids of one worker."""

    __slots__ = ("_others", "_refused_prefix", "_taken_prefix")

    def __init__(self) -> None:
        self._taken_prefix = _prefix()
        self._refused_prefix = _prefix()
        self._others = count(1)

    def taken(self, number: int) -> bytes:
        """The id of the request that the core has taken under this number."""
        return b"%s%012x" % (self._taken_prefix, number)

    def refused(self) -> bytes:
        """The id of a request that the core did not take, another one with each call."""
        return b"%s%012x" % (self._refused_prefix, next(self._others))


def _prefix() -> bytes:
    return str(uuid.uuid4())[:_PREFIX_CHARACTERS].encode()
