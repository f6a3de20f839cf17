"""A real HTTP client of an endpoint: sends requests and notes how each one ended."""

import time
from collections.abc import Mapping

import aiohttp

from router.testing.answers import Reply

DEPLOYMENT_HEADER = "azureml-model-deployment"
MODEL_STATUS_HEADER = "ms-azureml-model-error-statuscode"
# How long run() took, in milliseconds.
RUN_HEADER = "x-ms-run-fn-exec-ms"
NS_PER_MS = 1e6


class ScoringClient:
    """Sends to one endpoint over kept-alive connections."""

    def __init__(self, session: aiohttp.ClientSession, uri: str, key: str, body: bytes) -> None:
        self._session = session
        self._uri = uri
        self._body = body
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def send(self, headers: Mapping[str, str] | None = None) -> Reply:
        """How one request ended; raises nothing.

        Args:
            headers: to add.
        """
        begin_ns = time.perf_counter_ns()
        try:
            async with self._session.post(
                self._uri, data=self._body, headers={**self._headers, **(headers or {})}
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return Reply(
                body=f"{type(error).__name__}: {error}".encode(), latency_ms=_since_ms(begin_ns)
            )
        model_status = response.headers.get(MODEL_STATUS_HEADER)
        return Reply(
            status=response.status,
            deployment=response.headers.get(DEPLOYMENT_HEADER),
            model_status=int(model_status) if model_status else None,
            body=body,
            latency_ms=_since_ms(begin_ns),
            run_ms=float(response.headers.get(RUN_HEADER, 0)),
        )


def _since_ms(begin_ns: int) -> float:
    return (time.perf_counter_ns() - begin_ns) / NS_PER_MS
