"""A real HTTP client of the endpoint: sends requests and notes how each one ended."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp

DEPLOYMENT_HEADER = "azureml-model-deployment"
# How long run() took, in milliseconds.
RUN_HEADER = "x-ms-run-fn-exec-ms"
OK = 200
NS_PER_MS = 1e6
FAILURES_KEPT = 5
BODY_CHARS_KEPT = 200


class Timing(NamedTuple):
    """Who answered a request, how long it took, and ``run()`` within it."""

    deployment: str
    latency_ms: float
    run_ms: float


@dataclass
class Tally:
    """How requests ended.

    Attributes:
        shares: deployment to how many requests it answered.
        timings: of each answered request, in the order of the answers.
        failed: requests with no answer, another status than 200 or no deployment's name.
        failures: the first few of these in words.
    """

    shares: Counter[str] = field(default_factory=Counter)
    timings: list[Timing] = field(default_factory=list)
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def overheads_ms(self) -> list[float]:
        """What answered requests took outside ``run()``, in the order of their answers."""
        return [max(one.latency_ms - one.run_ms, 0.0) for one in self.timings]

    @property
    def sent(self) -> int:
        """How many requests ended, one way or the other."""
        return self.shares.total() + self.failed

    def answered(self, timing: Timing) -> None:
        """Counts a request that went well."""
        self.shares[timing.deployment] += 1
        self.timings.append(timing)

    def fail(self, what: str) -> None:
        """Counts a request that did not."""
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(what)

    def percentile_ms(self, percent: int) -> float:
        """The latency that ``percent`` of the answered requests did not exceed; 0 for none."""
        ordered = sorted(one.latency_ms for one in self.timings)
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
            latency_ms = (time.perf_counter_ns() - begin_ns) / NS_PER_MS
            run_ms = float(response.headers.get(RUN_HEADER, 0))
            tally.answered(Timing(deployment, latency_ms, run_ms))
        else:
            tally.fail(f"{response.status} {response.reason}: {text[:BODY_CHARS_KEPT]}")
