"""The ids that clients and scripts see in x-request-id: GUIDs, at the price of a counter.

azure.md 4.2 wants GUIDs. Random prefixes name the router's process, one for the requests that
were taken and one for the refused; the last group of twelve hexadecimal digits counts.
"""

import uuid
from itertools import count

_PREFIX_CHARACTERS = 24


class RequestIds:
    """The ids of one worker.

    Attributes:
        taken_format: makes ``taken`` of a number, also inside of a larger format.
    """

    __slots__ = ("_others", "_refused_format", "taken_format")

    def __init__(self) -> None:
        self.taken_format = _format()
        self._refused_format = _format()
        self._others = count(1)

    def taken(self, number: int) -> bytes:
        """The id of the request that the core has taken under this number."""
        return self.taken_format % number

    def refused(self) -> bytes:
        """The id of a request that the core did not take, another one with each call."""
        return self._refused_format % next(self._others)


def _format() -> bytes:
    return str(uuid.uuid4())[:_PREFIX_CHARACTERS].encode() + b"%012x"
