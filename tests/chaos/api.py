"""The REST API as the operator uses it, whichever control plane answers just now."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import yarl

from tests.chaos.daemon import Daemon
from tests.chaos.judge import Declared, Rules

ENDPOINT = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/turnout/providers/"
    "Microsoft.MachineLearningServices/workspaces/turnout/onlineEndpoints/chaos"
)
OK, CREATED = 200, 201
IN_FLIGHT = "turnout_in_flight_requests{"
# An operation may have to wait for a worker that stands still, and for a restart or two.
OPERATION_S = 180
POLL_S = 0.2
TIMEOUT_MS = 5000
SLOTS = 50
PROBE = {"initialDelay": "PT1S", "period": "PT1S", "timeout": "PT2S", "failureThreshold": 3}


class Refused(Exception):
    """The control plane said no, or that it failed."""


class Api:
    """A client of the control plane; aiohttp's errors say that it was killed meanwhile."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(OPERATION_S))

    async def close(self) -> None:
        """Ends its connections."""
        await self._session.close()

    async def put_key(self, key: str) -> None:
        """Returns when it is acknowledged."""
        body = {"keyType": "Primary", "keyValue": key}
        await self._call("POST", f"{ENDPOINT}/regenerateKeys", body)

    async def key(self) -> str:
        """What opens the endpoint."""
        return str((await self._call("POST", f"{ENDPOINT}/listKeys"))["primaryKey"])

    async def put_rules(self, rules: Rules) -> None:
        """Returns when it is acknowledged."""
        traffic = {"traffic": dict(rules.traffic), "mirrorTraffic": dict(rules.mirror)}
        await self._call("PUT", ENDPOINT, {"properties": traffic})

    async def rules(self) -> Rules:
        """Those that are stored."""
        stored = (await self._call("GET", ENDPOINT))["properties"]
        return Rules(_percents(stored["traffic"]), _percents(stored["mirrorTraffic"]))

    async def put_deployment(self, name: str, declared: Declared) -> None:
        """Returns when the operation has succeeded, whichever control plane ends it."""
        path = f"{ENDPOINT}/deployments/{name}"
        async with self._request("PUT", path, self._deployment(name, declared)) as answer:
            await _read(answer)
            operation = yarl.URL(answer.headers["Azure-AsyncOperation"]).path_qs
        while True:
            try:
                said = await self._call("GET", operation)
            except (aiohttp.ClientError, OSError):
                await self._daemon.wait_ready()
                continue
            if said["status"] == "Succeeded":
                return
            if said["status"] in {"Failed", "Canceled"}:
                raise Refused(f"the operation {said['status']}: {said.get('error')}")

    async def ended(self, name: str) -> str:
        """Waits until no operation runs on the deployment; returns how the last one ended."""
        while True:
            properties = (await self._call("GET", f"{ENDPOINT}/deployments/{name}"))["properties"]
            state = str(properties["provisioningState"])
            if state == "Failed":
                return f"Failed: {properties['provisioningError']['message']}"
            if state == "Succeeded":
                return state
            await asyncio.sleep(POLL_S)

    async def declared(self, name: str) -> Declared:
        """What is stored of a deployment."""
        stored = await self._call("GET", f"{ENDPOINT}/deployments/{name}")
        variables = stored["properties"]["environmentVariables"]
        return Declared(int(variables["CHAOS_VERSION"]), stored["sku"]["capacity"])

    async def create(self) -> None:
        """An endpoint without deployments."""
        await self._call("PUT", ENDPOINT, {"properties": {}})

    async def reload(self) -> None:
        """Returns when every worker has a successor."""
        await self._call("POST", "/reload")

    async def in_flight(self) -> float:
        """How many requests the workers hold, by their metrics."""
        url = f"{self._daemon.url}/metrics"
        async with self._session.get(url) as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(IN_FLIGHT))

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        async with self._request(method, path, body) as answer:
            return await _read(answer)

    def _request(
        self, method: str, path: str, body: object
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        url = self._daemon.url + path
        return self._session.request(method, url, json=body, headers={"Prefer": "wait=60"})

    def _deployment(self, name: str, declared: Declared) -> dict[str, object]:
        return {
            "sku": {"capacity": declared.instances},
            "properties": {
                "codeConfiguration": {
                    "codeId": str(self._daemon.folder / "code"),
                    "scoringScript": "score.py",
                },
                "environmentVariables": {
                    "CHAOS_NAME": name,
                    "CHAOS_VERSION": str(declared.version),
                },
                "requestSettings": {
                    "requestTimeout": f"PT{TIMEOUT_MS // 1000}S",
                    "maxConcurrentRequestsPerInstance": SLOTS,
                },
                "livenessProbe": PROBE,
                "readinessProbe": PROBE,
            },
        }


async def _read(answer: aiohttp.ClientResponse) -> Any:
    text = await answer.text()
    if answer.status not in {OK, CREATED}:
        raise Refused(f"{answer.method} got {answer.status}: {text}")
    return json.loads(text)


def _percents(stored: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((name, percent) for name, percent in stored.items() if percent))
