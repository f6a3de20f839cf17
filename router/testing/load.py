"""What clients send while a rollout is carried out, and how much."""

import json
from dataclasses import dataclass
from pathlib import Path

from router.testing.counters import BLOCK


@dataclass(frozen=True, kw_only=True)
class Load:
    """A closed loop: each client sends its next request after an answer.

    Attributes:
        body: of every request: bytes as they are, a file's content (Path), anything else as JSON.
        clients: how many at once. A deployment refuses (429) what is more than twice its
            ``max_concurrent_requests_per_instance`` times its instances, as in production.
        requests: live requests to send after each step, once it is in force; whole hundreds,
            for shares are exact in blocks of 100.

    Raises:
        ValueError: clients is below 1, or requests not a whole number of hundreds.
    """

    body: object = b"{}"
    clients: int = 4
    requests: int = 200

    def __post_init__(self) -> None:
        if self.clients < 1:
            raise ValueError(f"expected at least 1 client, got {self.clients}")
        if self.requests < BLOCK or self.requests % BLOCK:
            raise ValueError(
                f"expected requests in whole hundreds (100, 200 ...), for shares are exact in "
                f"blocks of {BLOCK}; got {self.requests}"
            )

    @property
    def body_bytes(self) -> bytes:
        """What is sent."""
        return encoded(self.body)


def encoded(body: object) -> bytes:
    """Bytes as they are, a file's content, anything else as JSON."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, Path):
        return body.read_bytes()
    return json.dumps(body).encode()
