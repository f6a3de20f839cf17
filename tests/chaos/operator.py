"""The operator: swaps traffic, scales and updates, one after the other.

Each change is noted as in doubt before it is asked for. Who gets no answer, because the control
plane was killed, asks the next one what became of it; what was acknowledged must be there.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import aiohttp

from tests.chaos.api import Api, Refused
from tests.chaos.daemon import Daemon
from tests.chaos.in_force import InForce, Value
from tests.chaos.judge import Declared, Rules
from tests.chaos.requests import NAMES
from tests.chaos.schedule import Action, Kind
from tests.chaos.story import Story

COUNT_MIN, COUNT_MAX = 2, 3
MIRROR_MAX = 50
KEY_BITS = 256
# Workers that were told to go have gone by then, whatever becomes of the control plane.
CUT_OFF_S = 60.0


class Operator:
    """A client of the control plane.

    Attributes:
        rules, keys, declared: what may be in force.
        changing: deployments that are being scaled or updated, or perhaps are.
    """

    def __init__(self, daemon: Daemon, api: Api, story: Story) -> None:
        now_s = time.monotonic()
        self.rules = InForce(Rules(((NAMES[0], 100),)), now_s)
        self.keys = InForce("", now_s)
        self.declared = {name: InForce(Declared(1, COUNT_MIN), now_s) for name in NAMES}
        self.changing: set[str] = set()
        self._daemon = daemon
        self._api = api
        self._story = story
        self._asked_of = 0

    async def set_up(self) -> None:
        """Creates the endpoint and its deployments."""
        await self._api.create()
        for name in NAMES:
            await self._api.put_deployment(name, self.declared[name].newest)
        await self._api.put_rules(self.rules.newest)
        self.keys.observe(await self._api.key(), time.monotonic())
        self._asked_of = self._daemon.starts

    async def run(self, actions: "asyncio.Queue[Action | None]") -> None:
        """Performs what comes, until None comes."""
        while (action := await actions.get()) is not None:
            await self.look()
            rng = random.Random(action.bits)
            try:
                await self._perform(action.kind, rng)
            except (aiohttp.ClientError, OSError) as error:
                self._note(f"{action.kind}: cut off ({type(error).__name__})")
                self._story.done[f"{action.kind}: cut off by a kill"] += 1
                self._asked_of = 0
        await self.look()

    async def repair(self) -> None:
        """Asks once more for what failed because something was killed meanwhile."""
        for name, declared in self.declared.items():
            if not declared.is_known:
                await self._redeploy(Kind.UPDATE, name, declared.newest)

    async def look(self) -> None:
        """If another control plane runs than before: is everything there that must be?"""
        while self._asked_of != self._daemon.starts or not self._daemon.is_ready:
            await self._daemon.wait_ready()
            starts = self._daemon.starts
            try:
                await self._compare()
            except (aiohttp.ClientError, OSError):
                continue
            self._asked_of = starts
            self.changing.clear()

    async def _perform(self, kind: Kind, rng: random.Random) -> None:
        match kind:
            case Kind.SWAP:
                rules = _draw_rules(rng)
                await self._change(kind, self.rules, rules, self._api.put_rules)
            case Kind.REKEY:
                key = f"{rng.getrandbits(KEY_BITS):064x}"
                await self._change(kind, self.keys, key, self._api.put_key)
            case Kind.RELOAD:
                await self._reload()
            case _:
                await self._scale_or_update(kind, rng)

    async def _reload(self) -> None:
        self._note("reload")
        begun_s = time.monotonic()
        took = [begun_s, begun_s + CUT_OFF_S]
        self._story.reloads.append(took)
        try:
            await self._api.reload()
        except Refused as error:
            now_s = time.monotonic()
            if self._story.killed_worker(begun_s, now_s):
                self._note(f"the reload failed, and a worker was killed: {error}")
                self._story.done[f"{Kind.RELOAD}: failed by a kill"] += 1
            else:
                self._story.fail(now_s, f"reload: {error}")
            return
        took[1] = time.monotonic()
        self._note("reloaded")
        self._story.done[Kind.RELOAD] += 1

    async def _scale_or_update(self, kind: Kind, rng: random.Random) -> None:
        name = rng.choice(NAMES)
        before = self.declared[name].newest
        count = COUNT_MIN + COUNT_MAX - before.instances
        after = (
            before._replace(version=before.version + 1)
            if kind is Kind.UPDATE
            else before._replace(instances=count)
        )
        await self._redeploy(kind, name, after)

    async def _change(
        self,
        kind: Kind,
        changing: InForce[Value],
        value: Value,
        put: Callable[[Value], Awaitable[None]],
    ) -> None:
        changing.begin(value, time.monotonic())
        self._note(f"asked for {value}")
        try:
            await put(value)
        except Refused as error:
            self._story.fail(time.monotonic(), f"{value}: {error}")
            return
        changing.acknowledge(time.monotonic())
        self._note("acknowledged")
        self._story.done[kind] += 1

    async def _redeploy(self, kind: Kind, name: str, after: Declared) -> None:
        begun_s = time.monotonic()
        self.changing.add(name)
        self.declared[name].begin(after, begun_s)
        self._note(f"asked for {name} {after}")
        try:
            await self._api.put_deployment(name, after)
        except Refused as error:
            self.changing.discard(name)
            now_s = time.monotonic()
            if self._story.killed_instances(name, begun_s, now_s):
                self._note(f"{name} {after} failed, and one of it was killed: {error}")
                self._story.done[f"{kind}: failed by a kill"] += 1
            else:
                self._story.fail(now_s, f"{name} {after}: {error}")
            return
        self.declared[name].acknowledge(time.monotonic())
        self.changing.discard(name)
        self._note("acknowledged")
        self._story.done[kind] += 1

    async def _compare(self) -> None:
        """Reads what is stored, and compares it with what may be."""
        rules, now_s = await self._api.rules(), time.monotonic()
        if not self.rules.observe(rules, now_s):
            self._story.fail(now_s, f"an acknowledged change was lost: stored are {rules}")
        key, now_s = await self._api.key(), time.monotonic()
        if not self.keys.observe(key, now_s):
            self._story.fail(now_s, f"an acknowledged change was lost: the key is {key}")
        for name in NAMES:
            state = await self._api.ended(name)
            declared, now_s = await self._api.declared(name), time.monotonic()
            possible = self.declared[name].possible(now_s, now_s)
            if declared not in possible:
                self._story.fail(now_s, f"an acknowledged change was lost: {name} is {declared}")
            if state == "Succeeded":
                self.declared[name].observe(declared, now_s)

    def _note(self, words: str) -> None:
        self._story.note(time.monotonic(), f"operator: {words}")


def _draw_rules(rng: random.Random) -> Rules:
    first, second, third = rng.sample(NAMES, 3)
    percent = rng.choice([0, rng.randrange(1, 100)])
    traffic = {first: 100 - percent} | ({second: percent} if percent else {})
    shadow = third if percent else rng.choice([second, third])
    mirror = ((shadow, rng.randrange(1, MIRROR_MAX + 1)),) if rng.random() < 1 / 2 else ()
    return Rules(tuple(sorted(traffic.items())), mirror)
