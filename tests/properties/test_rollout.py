"""Invariants 1, 5, 7, 9 and 10 in one worker, under arbitrary interleavings.

Arrivals, answers whole and in parts, clients that leave, lost and unreachable instances, passing
deadlines, swaps, mirroring, scaling, deletion. Conservation (9) is checked by the shell after
every step; see tests/shell.py.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from router.core.lane import LARGE_BYTES_MIN
from router.core.request import Outcome
from tests.shell import TICK_NS, Shell, deployment, endpoint

NAMES = ["blue", "green"]
# Small, so that a script of some fifty steps meets the limits.
CONCURRENCY, INSTANCES_MAX = 1, 4
TIMEOUT_MS = 5000


class RolloutMachine(RuleBasedStateMachine):
    """The model is the last configuration: where each live request may go, and who exists."""

    shell_type = Shell

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.shell = self.shell_type(seed)
        self.instances = {"blue": [0], "green": [0]}
        self.next_number = 1
        self.traffic = {"blue": 100}
        self.mirror: dict[str, int] = {}
        self.deployments = list(NAMES)
        self.publish()

    def publish(self, unreachable: set[str] | None = None) -> None:
        routes = []
        for name in self.deployments:
            numbers = self.instances[name]
            route = deployment(name, instances=0, concurrency=CONCURRENCY)
            for number in numbers:
                extra = deployment(name, instances=1, concurrency=CONCURRENCY, first=number)
                route = type(route)(
                    name=name,
                    request_timeout_ms=TIMEOUT_MS,
                    max_concurrent_requests_per_instance=CONCURRENCY,
                    instance_count=len(numbers),
                    instances=(*route.instances, *extra.instances),
                )
            routes.append(route)
        found = endpoint(*routes, traffic=self.traffic, mirror_traffic=self.mirror)
        self.shell.swap(found, unreachable=unreachable or set())

    def copied(self) -> int:
        """Copies that were wanted until now."""
        (found,) = self.shell.dispatcher.statistics().endpoints
        return sum(one.copies + one.copies_lost for one in found.deployments)

    @rule(pinned=st.sampled_from([None, None, "blue", "green"]),
          large=st.sampled_from([False] * 9 + [True]))  # fmt: skip
    def ask(self, pinned: str | None, *, large: bool) -> None:
        before = self.copied()
        number = len(self.shell.asked)
        payload = b"%d" % number + bytes(LARGE_BYTES_MIN if large else 0)
        asked = self.shell.ask(pinned, payload=payload)
        # Invariant 7, and 4: only live requests are copied, once at most.
        assert self.copied() - before <= (pinned is None and bool(self.mirror))
        served = self.shell.served_by(asked)
        if served is None:
            return
        # Invariant 1: by the configuration in force at arrival, and by no other.
        if pinned is None:
            assert self.traffic.get(served, 0) > 0
        else:
            assert served == pinned
        assert served in self.deployments

    @rule()
    def pump(self) -> None:
        self.shell.pump()

    @rule(data=st.data(), count=st.integers(1, 5), status=st.sampled_from([200, 500]),
          expired=st.sampled_from([False, False, True]))  # fmt: skip
    def answer(self, data: st.DataObject, count: int, status: int, *, expired: bool) -> None:
        holders = sorted(name for name, held in self.shell.at.items() if held)
        outcome = Outcome.EXPIRED if expired else Outcome.RETURNED
        if holders:
            self.shell.answer(data.draw(st.sampled_from(holders)), count, status, outcome)

    @rule(data=st.data(), count=st.integers(1, 3))
    def answer_part(self, data: st.DataObject, count: int) -> None:
        holders = sorted(name for name, held in self.shell.at.items() if held)
        if holders:
            self.shell.answer_part(data.draw(st.sampled_from(holders)), count)

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A client closes its connection."""
        waiting = [one for one in self.shell.asked if not one.told]
        if waiting:
            self.shell.abandon(data.draw(st.sampled_from(waiting)))

    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        """A client has read what came of a streamed answer."""
        begun = [one for one in self.shell.asked if one.parts and not one.told]
        if begun:
            self.shell.read(data.draw(st.sampled_from(begun)), 1000)

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        known = sorted(self.shell.dispatcher._membership.instances)
        if known:
            self.shell.lose(data.draw(st.sampled_from(known)))

    @rule(name=st.sampled_from(NAMES))
    def find(self, name: str) -> None:
        for number in self.instances[name]:
            self.shell.dispatcher.on_instance_found(f"{name}-{number}")

    @rule(run_ns=st.sampled_from([20_000, 5_000_000, 60_000_000]))
    def change_speed(self, run_ns: int) -> None:
        self.shell.run_ns = run_ns

    @rule(ns=st.sampled_from([1_000_000, 4_000_000, 400_000_000, 2_600_000_000]))
    def pass_time(self, ns: int) -> None:
        self.shell.pass_time(ns)
        # Invariant 9: nobody waits past the deadline, but for the resolution of the wheel.
        for asked in self.shell.asked:
            if not asked.told:
                assert asked.request is not None
                assert asked.request.deadline_ns > self.shell.now_ns - TICK_NS

    @rule(percent=st.integers(0, 100), mirror=st.integers(0, 50))
    def set_traffic(self, percent: int, mirror: int) -> None:
        if len(self.deployments) < 2:
            return
        self.traffic = {"blue": 100 - percent, "green": percent}
        self.mirror = {"green": mirror} if percent == 0 and mirror else {}
        self.publish()

    @rule(name=st.sampled_from(NAMES), keep=st.integers(0, 2), add=st.integers(0, 2),
          reached=st.sampled_from([True, True, False]))  # fmt: skip
    def replace_instances(self, name: str, keep: int, add: int, *, reached: bool) -> None:
        """Scale up, scale down and rolling update are all this.

        Args:
            reached: new instances can be connected to; else that is so when they are found.
        """
        kept = self.instances[name][:keep]
        added = list(range(self.next_number, self.next_number + add))
        if kept or added:
            self.next_number += add
            self.instances[name] = kept + added
            self.publish(set() if reached else {f"{name}-{number}" for number in added})

    @rule()
    def delete_green(self) -> None:
        if not self.traffic.get("green") and not self.mirror:
            self.traffic = {"blue": 100}
            self.deployments = ["blue"]
            self.publish()

    @rule()
    def create_green(self) -> None:
        if "green" not in self.deployments:
            self.deployments = list(NAMES)
            self.instances["green"] = [self.next_number]
            self.next_number += 1
            self.publish()

    @invariant()
    def nothing_grows_without_bound(self) -> None:
        if not hasattr(self, "shell"):
            return
        for found in self.shell.dispatcher.snapshot.endpoints.values():
            for taken in found.deployments.values():
                # Limits of before a change of instance_count may still be in the books.
                limit = max(taken.pending_max, 2 * CONCURRENCY * INSTANCES_MAX)
                assert taken.lane.places.now <= limit
                assert taken.lane.copies_pending <= limit
                assert len(taken.lane.queue) <= 2 * limit

    def teardown(self) -> None:
        """Liveness: heal everything, and every request is answered, every leaver let go."""
        if not hasattr(self, "shell"):
            return
        for name in self.deployments:
            self.find(name)
        self.shell.serve_all()
        # What was queued for deployments whose instances all died waits for its deadline.
        self.shell.pass_time(6_000_000_000)
        self.shell.serve_all()
        assert all(asked.told == 1 for asked in self.shell.asked)
        assert self.shell.dispatcher.ledger.in_flight == 0
        present = {f"{n}-{i}" for n in self.deployments for i in self.instances[n]}
        assert set(self.shell.dispatcher._membership.instances) == present


TestRollout = RolloutMachine.TestCase
