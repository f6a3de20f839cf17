"""What the harness asks of a daemon: commands, and what the REST API says of an endpoint."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import aiohttp

from router.core.statistics import EndpointStatistics
from router.testing.commands import Commands
from router.testing.counters import read_counters
from router.testing.daemon import Daemon
from router.testing.failure import HarnessError

# Of a command: the environment of a deployment may have to be built.
COMMAND_TIMEOUT_S = 900


class Access(NamedTuple):
    """How clients reach an endpoint, and where the REST API has it."""

    id: str
    scoring_uri: str
    key: str


class Rules(NamedTuple):
    """The rules in force, in percent of live requests."""

    traffic: Mapping[str, int]
    mirror_traffic: Mapping[str, int]


class Control:
    """Talks to one daemon."""

    def __init__(self, daemon: Daemon, session: aiohttp.ClientSession) -> None:
        self.daemon = daemon
        self.session = session

    async def command(self, words: Sequence[str]) -> str:
        """What `turnout WORDS` prints, run in the working folder.

        Raises:
            HarnessError: it failed.
        """
        # The url moves with the control plane; the user's own defaults are of no matter here.
        commands = Commands(
            Path.cwd(), self.daemon.url, self.daemon.folder / "cli", COMMAND_TIMEOUT_S
        )
        return await commands.run(shlex.join(["turnout", *words]))

    async def create_endpoint(self, endpoint: str, file: Path | str | None) -> Access:
        """How to reach an endpoint that is created here, from its YAML file if it has one."""
        words = ["--file", str(file)] if file is not None else []
        named = ["-n", endpoint]
        shown = json.loads(await self.command(["online-endpoint", "create", *named, *words]))
        found = json.loads(await self.command(["online-endpoint", "get-credentials", *named]))
        return Access(
            shown["id"], shown["scoring_uri"], found.get("primaryKey") or found["accessToken"]
        )

    async def counters(self, endpoint_id: str) -> EndpointStatistics:
        """The endpoint's counters."""
        return await read_counters(self.session, f"{self.daemon.url}{endpoint_id}/statistics")

    async def rules(self, endpoint_id: str) -> Rules:
        """The endpoint's rules."""
        async with self.session.get(f"{self.daemon.url}{endpoint_id}") as response:
            body = await response.json()
        if not response.ok:
            raise HarnessError(f"expected an endpoint, got {response.status}: {body}")
        properties = body["properties"]
        return Rules(properties["traffic"], properties["mirrorTraffic"])
