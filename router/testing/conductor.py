"""Performs a rollout: carries out each step under load, then samples who answers."""

from collections.abc import Mapping
from pathlib import Path

from router.core.statistics import EndpointStatistics
from router.testing import faults
from router.testing.client import ScoringClient
from router.testing.closed_loop import ClosedLoop
from router.testing.control import Control, Rules
from router.testing.counters import copies_of, to_whole_block
from router.testing.failure import HarnessError
from router.testing.judge import unmet
from router.testing.load import Load
from router.testing.plan import Planned
from router.testing.rollout import Step
from sim.steps import FAULTS, Doing, whole


class Conductor:
    """Performs the steps of one rollout.

    Args:
        files: YAML files of the deployments that steps may create, by name.
        folder: where Scripted deployments look for their faults.
    """

    def __init__(
        self,
        control: Control,
        endpoint: str,
        endpoint_id: str,
        folder: Path,
        files: Mapping[str, str],
        client: ScoringClient,
        load: Load,
    ) -> None:
        self._control = control
        self._endpoint = endpoint
        self._id = endpoint_id
        self._folder = folder
        self._files = files
        self._client = client
        self._load = load

    async def perform(self, planned: Planned) -> Step:
        """Carries out a step under load; returns what came of it.

        Raises:
            HarnessError: the daemon refused it; the message says which step.
        """
        loop = ClosedLoop(self._client, self._load.clients)
        if planned.doing is not None:
            async with loop.running():
                try:
                    await self._carry_out(planned.doing)
                except HarnessError as error:
                    raise HarnessError(f"{planned.name}: {error}") from None
        return await self._sampled(planned, loop)

    async def _sampled(self, planned: Planned, loop: ClosedLoop) -> Step:
        rules = await self._control.rules(self._id)
        before = await self._aligned(rules, loop)
        after = await loop.send_exactly(self._load.requests)
        copies = copies_of(await self._control.counters(self._id))
        earlier = copies_of(before)
        gained = {name: n - earlier.get(name, 0) for name, n in copies.items()}
        step = Step(
            name=planned.name,
            during=loop.answers,
            after=after,
            copies={name: n for name, n in gained.items() if n},
            rules=rules,
        )
        step.unmet += unmet(planned.expect, step)
        return step

    async def _aligned(self, rules: Rules, loop: ClosedLoop) -> EndpointStatistics:
        """Sends what completes a block of 100, and returns the counters then.

        That is the schedule's that has something to choose; the mirror's if both have. What is
        sent counts as sent during the step.
        """
        counters = await self._control.counters(self._id)
        mirrored = any(rules.mirror_traffic.values())
        position = counters.mirror_considered if mirrored else counters.scheduled
        if missing := to_whole_block(position):
            loop.answers.replies += (await loop.send_exactly(missing)).replies
            counters = await self._control.counters(self._id)
        return counters

    async def _carry_out(self, doing: Doing) -> None:
        if doing.verb == "restart":
            await self._control.daemon.kill_control_plane()
        elif doing.verb in FAULTS:
            faults.befall(self._folder, doing)
        else:
            for words in self._commands(doing):
                await self._control.command(words)

    def _commands(self, doing: Doing) -> list[list[str]]:
        """The commands that a step stands for."""
        endpoint = ["online-endpoint", "update", "-n", self._endpoint]
        on = ["-e", self._endpoint]
        match doing.verb:
            case "traffic" | "mirror_traffic":
                rules = whole(doing.numbers, doing.verb).items()
                pairs = " ".join(f"{name}={percent}" for name, percent in rules)
                return [[*endpoint, f"--{doing.verb.replace('_', '-')}", pairs]]
            case "instance_count":
                counts = whole(doing.numbers, doing.verb).items()
                update = ["online-deployment", "update", *on]
                return [[*update, "-n", name, "--set", f"instance_count={n}"] for name, n in counts]
            case "create":
                return [["online-deployment", "create", *on, "-f", self._files[doing.name]]]
            case "delete":
                return [["online-deployment", "delete", *on, "-n", doing.name, "--yes"]]
        raise AssertionError(f"{doing.verb} is checked by plan.py")
