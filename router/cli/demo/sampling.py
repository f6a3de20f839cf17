"""Takes samples that can be exact: from the begin of a block, with nothing else under way."""

from collections.abc import Callable, Mapping

import aiohttp

from router.cli.control_plane import USUAL_WORKSPACE, endpoint_path
from router.cli.demo.checks import SAMPLE_REQUESTS, Expected, Sample
from router.core.statistics import EndpointStatistics
from router.testing.answers import Answers
from router.testing.client import DEPLOYMENT_HEADER
from router.testing.closed_loop import ClosedLoop
from router.testing.commands import Commands
from router.testing.counters import copies_of, read_quiet, to_whole_block
from router.testing.failure import HarnessError

DIRECT_CALLS = 100
# What the examples' scoring scripts log for each request: blue is model 1, green model 2.
LOG_LINES = {"blue": "model 1: request received", "green": "model 2: request received"}
LOG_TAIL_LINES = 1_000_000


class Sampler:
    """Samples the traffic of one endpoint while its load is held."""

    def __init__(
        self,
        endpoint: str,
        url: str,
        session: aiohttp.ClientSession,
        load: ClosedLoop,
        commands: Commands,
    ) -> None:
        self._endpoint = endpoint
        self._statistics_url = f"{url}{USUAL_WORKSPACE.path}{endpoint_path(endpoint)}/statistics"
        self._session = session
        self._load = load
        self._commands = commands

    async def sample(self, expected: Expected, on_progress: Callable[[int], None]) -> Sample:
        """Sends SAMPLE_REQUESTS live requests, aligned to the schedule that matters.

        That is the mirror's, where there is one: the live one then has a single share.
        """
        async with self._load.held():
            await self._align(expected)
            before, logged_before = await self._quiet(), await self._logged(expected)
            answers = await self._load.send_exactly(SAMPLE_REQUESTS, on_progress=on_progress)
            after, logged_after = await self._quiet(), await self._logged(expected)
        copies = _difference(copies_of(after), copies_of(before))
        return Sample(answers, copies, _difference(logged_after, logged_before))

    async def call_directly(self, deployment: str) -> tuple[Answers, int]:
        """Sends DIRECT_CALLS to ``deployment`` by name.

        Returns:
            How they ended, and by how many requests the schedules moved on meanwhile.
        """
        async with self._load.held():
            before = await self._quiet()
            answers = await self._load.send_exactly(DIRECT_CALLS, {DEPLOYMENT_HEADER: deployment})
            after = await self._quiet()
        return answers, _position(after) - _position(before)

    async def _align(self, expected: Expected) -> None:
        statistics = await self._quiet()
        mirrored = bool(expected.mirror_traffic)
        position = statistics.mirror_considered if mirrored else statistics.scheduled
        fillers = await self._load.send_exactly(to_whole_block(position))
        if fillers.failed:
            raise HarnessError(f"a request failed before a sample: {fillers.failed[0]}")

    async def _quiet(self) -> EndpointStatistics:
        return await read_quiet(self._session, self._statistics_url)

    async def _logged(self, expected: Expected) -> dict[str, int]:
        """How many requests each shadow says that it scored, ever."""
        return {name: await self._count_lines(name) for name in expected.mirror_traffic}

    async def _count_lines(self, deployment: str) -> int:
        logs = await self._commands.run(
            f"turnout ml online-deployment get-logs --name {deployment} "
            f"--endpoint {self._endpoint} --lines {LOG_TAIL_LINES}"
        )
        return logs.count(LOG_LINES[deployment])


def _position(statistics: EndpointStatistics) -> int:
    return statistics.scheduled + statistics.mirror_considered


def _difference(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in after.items()}
