"""A real HTTP client of the endpoint: sends requests and notes how each one ended."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

DEPLOYMENT_HEADER = "azureml-model-deployment"
OK = 200
NS_PER_MS = 1e6
FAILURES_KEPT = 5
BODY_CHARS_KEPT = 200


@dataclass
class Tally:
    """How requests ended.

    Attributes:
        shares: deployment to how many requests it answered.
        latencies_ms: of each answered request.
        failed: requests with no answer, another status than 200 or no deployment's name.
        failures: the first few of these in words.
    """

    shares: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """How many requests ended, one way or the other."""
        return self.shares.total() + self.failed

    def answered(self, deployment: str, latency_ms: float) -> None:
        """Counts a request that went well."""
        self.shares[deployment] += 1
        self.latencies_ms.append(latency_ms)

    def fail(self, what: str) -> None:
        """Counts a request that did not."""
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(what)

    def percentile_ms(self, percent: int) -> float:
        """The latency that ``percent`` of the answered requests did not exceed; 0 for none."""
        ordered = sorted(self.latencies_ms)
        rank = -(-len(ordered) * percent // 100)
        return ordered[rank - 1] if ordered else 0.0


class ScoringClient:
    """Sends one body to one endpoint over kept-alive connections."""

    def __init__(self, session: aiohttp.ClientSession, uri: str, key: str, body: bytes) -> None:
        self._session = session
        self._uri = uri
        self._body = body
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def send(self, tally: Tally, headers: Mapping[str, str] | None = None) -> None:
        """Sends one request and counts its end in ``tally``; raises nothing."""
        begin_ns = time.perf_counter_ns()
        try:
            async with self._session.post(
                self._uri, data=self._body, headers={**self._headers, **(headers or {})}
            ) as response:
                text = await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            tally.fail(f"{type(error).__name__}: {error}")
            return
        deployment = response.headers.get(DEPLOYMENT_HEADER)
        if response.status == OK and deployment:
            tally.answered(deployment, (time.perf_counter_ns() - begin_ns) / NS_PER_MS)
        else:
            tally.fail(f"{response.status} {response.reason}: {text[:BODY_CHARS_KEPT]}")
