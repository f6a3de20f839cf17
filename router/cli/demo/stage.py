"""The demo's stage: carries out the script's steps and keeps what went wrong."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from router.cli.demo.checks import (
    Expected,
    problems_of_direct_calls,
    problems_of_load,
    problems_of_sample,
)
from router.cli.demo.recording import record, write_scenario
from router.cli.demo.report import Report, Row
from router.cli.demo.sampling import Sampler
from router.testing.client import ScoringClient
from router.testing.closed_loop import CLIENTS, ClosedLoop
from router.testing.commands import Commands

REQUEST_TIMEOUT_S = 30
KEY_CHARS_SHOWN = 4


class Stage:
    """Runs commands and samples traffic for the script in rollout.py.

    Args:
        record_to: the folder for what the simulator needs; None if it is not wanted.

    Attributes:
        rows: the samples so far.
        problems: everything that was not as it must be.
        requests: how many were sent to the endpoint by HTTP clients.
    """

    def __init__(
        self, url: str, commands: Commands, report: Report, record_to: Path | None = None
    ) -> None:
        self.rows: list[Row] = []
        self.problems: list[str] = []
        self.requests = 0
        self._url = url
        self._commands = commands
        self._report = report
        self._title = ""
        self._failed_before = 0
        self._record_to = record_to

    async def run(self, title: str, line: str) -> str:
        """Runs a command under the load that there is; returns what it printed.

        Raises:
            HarnessError: the command failed.
        """
        self._title = title
        self._report.heading(title)
        self._report.command(line)
        with self._report.busy(title):
            output = await self._commands.run(line)
        self._report.answer(output)
        return output

    @contextlib.asynccontextmanager
    async def clients(self, endpoint: str, body: bytes) -> AsyncIterator[None]:
        """Inside the block clients send ``body`` to the endpoint, but while it is sampled."""
        client_timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=CLIENTS)
        async with (
            aiohttp.ClientSession(timeout=client_timeout, connector=connector) as session,
            # Apart from the load's, so that asking for statistics takes none of its connections.
            aiohttp.ClientSession(timeout=client_timeout) as control,
        ):
            uri, key = await self._credentials(endpoint)
            self._endpoint, self._body_bytes = endpoint, len(body)
            self._load = ClosedLoop(ScoringClient(session, uri, key, body))
            self._sampler = Sampler(endpoint, self._url, control, self._load, self._commands)
            try:
                async with self._load.running():
                    self._report.note(f"{CLIENTS} clients call {uri} from here on")
                    yield
            finally:
                self._count_load()

    async def sample(self, expected: Expected) -> None:
        """Samples live traffic and notes whether it is exactly as expected."""
        with self._report.sampling() as on_progress:
            sample = await self._sampler.sample(expected, on_progress)
        in_background = len(self._load.answers.failed)
        failed = len(sample.answers.failed) + in_background - self._failed_before
        self._failed_before = in_background
        row = Row(self._title, sample, failed, problems_of_sample(expected, sample))
        self.requests += sample.answers.sent
        self.rows.append(row)
        self.problems += [f"{self._title}: {problem}" for problem in row.problems]
        self._report.row(row)

    async def record(self, traffic: Mapping[str, int]) -> None:
        """Records the load for the simulator, if that is wanted; these deployments serve it."""
        if self._record_to is None:
            return
        self._title = "Record the load"
        self._report.heading(self._title)
        with self._report.busy(self._title):
            async with self._load.held():
                recording = await record(self._load)
        self.requests += recording.light.sent + recording.loaded.sent
        path = write_scenario(
            self._record_to,
            recording,
            self._endpoint,
            traffic,
            {name: await self._deployment(name) for name in traffic},
            self._body_bytes,
        )
        self._report.answer(f"turnout simulate {path}")

    async def call_directly(self, deployment: str) -> None:
        """Calls a deployment by name, whatever the traffic."""
        self._title = f"Call {deployment} by its header"
        self._report.heading(f"{self._title} azureml-model-deployment")
        answers, moved = await self._sampler.call_directly(deployment)
        self.requests += answers.sent
        self._report.answer(
            f"{answers.shares[deployment]} of {answers.sent} served by {deployment}"
        )
        self._complain(problems_of_direct_calls(deployment, answers, moved))

    def expect(self, wanted: object, got: object, what: str) -> None:
        """Notes a problem unless both are equal."""
        if wanted != got:
            self._complain([f"expected {wanted} as {what}, got {got}"])

    async def _credentials(self, endpoint: str) -> tuple[str, str]:
        """The address and a key; only the key's begin is shown."""
        self._report.heading("Let clients in")
        ask_uri = f"turnout ml online-endpoint show -n {endpoint} -o tsv --query scoring_uri"
        ask_key = (
            f"turnout ml online-endpoint get-credentials -n {endpoint} -o tsv --query primaryKey"
        )
        self._report.command(ask_uri)
        uri = await self._commands.run(ask_uri)
        self._report.answer(uri)
        self._report.command(ask_key)
        key = await self._commands.run(ask_key)
        self._report.answer(f"{key[:KEY_CHARS_SHOWN]}…")
        return uri, key

    async def _deployment(self, name: str) -> dict[str, Any]:
        shown = await self._commands.run(
            f"turnout ml online-deployment show -n {name} --endpoint-name {self._endpoint}"
        )
        found: dict[str, Any] = json.loads(shown)
        return found

    def _count_load(self) -> None:
        self.requests += self._load.answers.sent
        self._title = "The load"
        self._complain(problems_of_load(self._load.answers))

    def _complain(self, problems: list[str]) -> None:
        self.problems += [f"{self._title}: {problem}" for problem in problems]
        self._report.problems(problems)
