"""Large requests come in parts (scoring.proto); here they become whole again."""

from collections.abc import Iterable, Iterator

from runtime.request import JoinedRequest, Request
from turnout.scoring.v1.scoring_pb2 import ScoreRequest


class Parts:
    """The requests of one stream that are not whole yet."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[ScoreRequest, list[bytes]]] = {}

    def whole(self, requests: Iterable[ScoreRequest]) -> Iterator[Request]:
        """Those of ``requests`` that are whole, or become so."""
        for request in requests:
            if request.more or request.id in self._begun:
                joined = self._join(request)
                if joined is not None:
                    yield joined
            else:
                yield request

    def _join(self, part: ScoreRequest) -> JoinedRequest | None:
        first, payloads = self._begun.setdefault(part.id, (part, []))
        payloads.append(part.payload)
        if part.more:
            return None
        del self._begun[part.id]
        return JoinedRequest(first, b"".join(payloads))
