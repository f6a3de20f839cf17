"""Those who do the damage: real signals to real processes, each noted before it is sent.

They spare one of each: an instance of each deployment that has answered lately, and a worker
that listens. So there is always somebody who could have answered, and nothing may be lost.
"""

import asyncio
import math
import random
import signal
import time

from tests.chaos.audit import Audit
from tests.chaos.connection import send_half
from tests.chaos.daemon import Daemon
from tests.chaos.load import Load
from tests.chaos.operator import Operator
from tests.chaos.processes import Found, find_all, waiting_clients
from tests.chaos.schedule import Action, Kind
from tests.chaos.story import Fault, InstanceFault, Story, WorkerFault

# An instance serves that has answered in this time; each is asked many times in it.
LATELY_S = 3.0
# What was decided about a process while it stood still may be done a little later.
AFTERMATH_S = 10.0
HALF = b"POST /chaos/score HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{"
KILLS = {Kind.KILL_INSTANCE, Kind.KILL_WORKER}


class Faults:
    """Performs a schedule's faults.

    Args:
        half_s: until then one worker is spared by kills, and another one since: so that some
            live long enough to be seen growing.
    """

    def __init__(
        self,
        daemon: Daemon,
        operator: Operator,
        load: Load,
        audit: Audit,
        story: Story,
        half_s: float,
    ) -> None:
        self._half_s = half_s
        self._daemon = daemon
        self._operator = operator
        self._load = load
        self._audit = audit
        self._story = story
        self._hurt: set[int] = set()
        self._spared: int | None = None

    async def perform(self, action: Action) -> None:
        """Does it to somebody who can be spared, and undoes it when its time is over."""
        rng = random.Random(action.bits)
        match action.kind:
            case Kind.KILL_INSTANCE | Kind.STOP_INSTANCE:
                done = await self._hit_instance(action, rng)
            case Kind.KILL_WORKER | Kind.STOP_WORKER:
                done = await self._hit_worker(action, rng)
            case Kind.KILL_CONTROL:
                self._note(action, self._daemon.pid)
                done = await self._kill_control(action)
            case Kind.STOP_CONTROL:
                self._note(action, self._daemon.pid)
                done = await self._daemon.hold(action.lasts_s)
            case _:
                done = await self._break(action, rng)
        self._story.done[action.kind if done else f"{action.kind}: nobody to spare"] += 1

    async def _kill_control(self, action: Action) -> bool:
        fault = self._queue_fault(self._daemon.pid or 0)
        done = await self._daemon.kill(action.lasts_s)
        fault.dead_s = time.monotonic()
        return done

    def _queue_fault(self, pid: int) -> WorkerFault:
        """Notes who waits to be accepted, right before somebody is killed."""
        now_s = time.monotonic()
        waiting = waiting_clients(self._daemon.port)
        fault = WorkerFault(pid, ports=waiting, looked_s=now_s, gone_s=now_s)
        self._story.queues.append(fault)
        self._story.note(now_s, f"{len(waiting)} clients wait to be accepted")
        return fault

    async def _break(self, action: Action, rng: random.Random) -> bool:
        self._note(action, None)
        self._load.break_connections(rng)
        await send_half("127.0.0.1", self._daemon.port, HALF[: rng.randrange(1, len(HALF))])
        return True

    async def _hit_instance(self, action: Action, rng: random.Random) -> bool:
        found = find_all(self._daemon.run_folder, "i")
        victim = self._choose(found, [one for one in found if self._can_spare(one, found)], rng)
        if victim is None:
            return False
        fault = InstanceFault(victim.pid, deployment=victim.details["deployment"])
        self._story.instances.append(fault)
        await self._hit(victim, fault, action)
        return True

    async def _hit_worker(self, action: Action, rng: random.Random) -> bool:
        found = find_all(self._daemon.run_folder, "w")
        listening = [one for one in found if one.pid not in self._hurt and one.listens()]
        self._choose_spared([one.pid for one in listening])
        fit = [one for one in listening if action.kind not in KILLS or one.pid != self._spared]
        victim = self._choose(found, fit if len(listening) > 1 else [], rng)
        if victim is None:
            return False
        looked_s = time.monotonic()
        fault = WorkerFault(victim.pid, ports=victim.clients(), looked_s=looked_s)
        self._story.workers.append(fault)
        # While the control plane is there, it holds the queue, too.
        may_be_last = action.kind in KILLS and not self._daemon.is_ready
        queue = self._queue_fault(victim.pid) if may_be_last else None
        await self._hit(victim, fault, action)
        if queue is not None:
            queue.dead_s = fault.dead_s
        return True

    def _choose_spared(self, pids: list[int]) -> None:
        """Another one when half the time is over, or the one before has gone."""
        if time.monotonic() > self._half_s:
            self._half_s = math.inf
            pids = [pid for pid in pids if pid != self._spared] or pids
            self._spared = None
        if self._spared not in pids and pids:
            self._spared = pids[0]

    def _can_spare(self, victim: Found, found: list[Found]) -> bool:
        """Whether another instance of its deployment serves, and goes on serving."""
        deployment = victim.details["deployment"]
        late_s = time.monotonic() - LATELY_S
        seen_s = self._audit.seen_s[deployment]
        others = sum(
            one.pid != victim.pid and one.pid not in self._hurt and seen_s.get(one.pid, 0) > late_s
            for one in found
            if one.details["deployment"] == deployment
        )
        # One of them may be about to leave.
        return others > (deployment in self._operator.changing) and victim.pid not in self._hurt

    @staticmethod
    def _choose(found: list[Found], fit: list[Found], rng: random.Random) -> Found | None:
        victim = rng.choice(fit) if fit else None
        for one in found:
            if one is not victim:
                one.close()
        return victim

    async def _hit(self, victim: Found, fault: Fault, action: Action) -> None:
        self._hurt.add(victim.pid)
        self._note(action, victim.pid)
        gone = asyncio.create_task(victim.wait_gone())
        try:
            if action.kind in KILLS:
                fault.gone_s = time.monotonic()
                victim.signal(signal.SIGKILL)
                await gone
            else:
                await self._stop(victim, fault, action, gone)
            if gone.done():
                fault.dead_s = time.monotonic()
                fault.gone_s = min(fault.gone_s, fault.dead_s)
        finally:
            gone.cancel()
            # It lets go of the file before that is closed.
            await asyncio.wait({gone})
            victim.close()
            self._hurt.discard(victim.pid)

    async def _stop(
        self, victim: Found, fault: Fault, action: Action, gone: "asyncio.Task[None]"
    ) -> None:
        fault.stopped_s = time.monotonic()
        victim.signal(signal.SIGSTOP)
        try:
            await asyncio.wait({gone}, timeout=action.lasts_s)
        finally:
            victim.signal(signal.SIGCONT)
        if gone.done():
            self._story.done[f"{action.kind}: replaced while it stood still"] += 1
            return
        fault.resumed_s = time.monotonic()
        await asyncio.wait({gone}, timeout=AFTERMATH_S)

    def _note(self, action: Action, pid: int | None) -> None:
        lasts = f" for {action.lasts_s:.1f} s" if action.lasts_s else ""
        self._story.note(time.monotonic(), f"{action.kind}{lasts}" + (f", {pid}" if pid else ""))
