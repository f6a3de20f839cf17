"""One run: a daemon, its load, its operator and its faults, for some minutes; then the liveness.

Safety first: while things are broken, nothing may be wrong. Then everything is left alone, and
must come back: every deployment with all its instances, both workers, no request in flight.
"""

import asyncio
import random
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.api import Api
from tests.chaos.audit import Audit
from tests.chaos.daemon import WORKERS, Daemon
from tests.chaos.faults import Faults
from tests.chaos.judge import Judge
from tests.chaos.load import Load
from tests.chaos.operator import Operator
from tests.chaos.processes import Found, find_all
from tests.chaos.requests import NAMES
from tests.chaos.resources import Resources
from tests.chaos.schedule import OPERATIONS, Action, draw
from tests.chaos.story import Story

HEAL_S = 90.0
# For workers to see that clients have closed their connections.
CLOSED_S = 10.0
POLL_S = 0.1
# So often drawn, and never done: the run proves nothing about it.
DRAWN_MIN = 5


@dataclass
class Run:
    """What came of a run.

    Attributes:
        began_s: when the load began; times of the story are told from it.
        rate_per_s: how many requests a second were sent.
        healed_s: how long it took until everything was back.
    """

    seed: int
    minutes: float
    story: Story
    audit: Audit
    resources: Resources
    load: Load
    began_s: float
    rate_per_s: float = 0.0
    healed_s: float = 0.0

    @property
    def vacuous(self) -> list[str]:
        """What the schedule would have done several times, and was never done."""
        drawn = Counter(action.kind for action in draw(self.seed, self.minutes * 60))
        return [
            f"never done: {kind}"
            for kind, count in drawn.items()
            if count >= DRAWN_MIN and not self.story.done[kind]
        ]

    @property
    def failures(self) -> list[str]:
        """Everything that makes the run a failed one, in words; none if it is right."""
        bad = [f"{count} x {v}" for v, count in self.audit.counts.items() if v.is_failure]
        if self.audit.unaccounted:
            bad.append(f"{self.audit.unaccounted} requests are unaccounted for")
        grown = [f"grown: {one.of}" for one in self.resources.flatness() if not one.is_flat]
        return bad + self.story.failures + grown + self.vacuous


async def run(folder: Path, seed: int, minutes: float, rate_per_s: float) -> Run:
    """Runs it in an empty folder; whatever happens, no process of it is left."""
    daemon = Daemon(folder)
    bench = _Bench(daemon, seed, minutes, rate_per_s)
    try:
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(daemon.keep_running())
            await bench.run()
            keeper.cancel()
        await _end(daemon, bench.story)
    except* Exception as errors:  # noqa: BLE001 - what came of it until then is told, too
        bench.story.fail(time.monotonic(), "".join(traceback.format_exception(errors)))
    finally:
        await daemon.clean_up()
        await bench.api.close()
    return bench.result


async def _end(daemon: Daemon, story: Story) -> None:
    code = await daemon.stop()
    if code:
        story.fail(time.monotonic(), f"the daemon ended with {code} on SIGTERM")
    left = [found.name for kind in "wi" for found in find_all(daemon.run_folder, kind)]
    if left:
        story.fail(time.monotonic(), f"after the daemon's end these run on: {left}")


class _Bench:
    """Everything around one daemon."""

    def __init__(self, daemon: Daemon, seed: int, minutes: float, rate_per_s: float) -> None:
        self.story = Story()
        self.api = Api(daemon)
        self._daemon = daemon
        self._operator = Operator(daemon, self.api, self.story)
        told = self._operator
        self._audit = Audit(Judge(self.story, told.rules, told.keys, told.declared), self.story)
        rng = random.Random(f"{seed} load")
        url = f"http://127.0.0.1:{daemon.port}/chaos/score"
        self._load = Load(url, told.keys, self._audit, rng, rate_per_s)
        self._actions: asyncio.Queue[Action | None] = asyncio.Queue()
        self.result = Run(
            seed, minutes, self.story, self._audit, Resources(daemon), self._load, time.monotonic()
        )

    async def run(self) -> None:
        await self._daemon.wait_ready()
        await self._operator.set_up()
        result, stop = self.result, asyncio.Event()
        result.began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(result.resources.watch())
            loading = group.create_task(self._load.run(stop))
            await self._break_things()
            result.healed_s = await self._heal()
            stop.set()
            await loading
            watching.cancel()
        result.rate_per_s = self._audit.sent / (time.monotonic() - result.began_s)
        self._audit.settle(float("inf"))
        await self._come_to_rest()

    async def _break_things(self) -> None:
        """Returns when the schedule is over and undone, and the operator's last change made."""
        half_s = time.monotonic() + self.result.minutes * 60 / 2
        faults = Faults(self._daemon, self._operator, self._load, self._audit, self.story, half_s)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._operator.run(self._actions))
            for action in draw(self.result.seed, self.result.minutes * 60):
                await asyncio.sleep(max(self.result.began_s + action.at_s - time.monotonic(), 0))
                if action.kind in OPERATIONS:
                    self._actions.put_nowait(action)
                else:
                    group.create_task(faults.perform(action))
            self._actions.put_nowait(None)

    async def _heal(self) -> float:
        """Returns how long it took until all that is declared serves."""
        begun_s = time.monotonic()
        await self._operator.repair()
        try:
            async with asyncio.timeout(HEAL_S):
                while missing := self._missing(begun_s):
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            self.story.fail(time.monotonic(), f"after {HEAL_S:.0f} s of peace: {missing}")
        return time.monotonic() - begun_s

    def _missing(self, since_s: float) -> list[str]:
        """What is not there that should be; what answered before ``since_s`` may be gone."""
        missing = []
        for name in NAMES:
            count = self._operator.declared[name].newest.instances
            answered = sum(seen_s > since_s for seen_s in self._audit.seen_s[name].values())
            if answered < count:
                missing.append(f"{answered} of {count} instances of {name} answer")
        listening = sum(worker.listens() for worker in self._workers())
        if listening != WORKERS:
            missing.append(f"{listening} of {WORKERS} workers listen")
        return missing

    async def _come_to_rest(self) -> None:
        """When nobody asks any more, nothing may be in flight and no connection open."""
        await self._daemon.wait_ready()
        if in_flight := await self.api.in_flight():
            now_s = time.monotonic()
            self.story.fail(now_s, f"{in_flight:.0f} requests are in flight that nobody sent")
        try:
            async with asyncio.timeout(CLOSED_S):
                while clients := sum(len(one.clients()) for one in self._workers()):
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            self.story.fail(time.monotonic(), f"workers hold {clients} connections of nobody")

    def _workers(self) -> Iterator[Found]:
        for worker in find_all(self._daemon.run_folder, "w"):
            yield worker
            worker.close()
