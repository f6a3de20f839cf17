"""A scenario, and bugs of one line or few to plant in what it runs by, with what is said of each.

One or more for each invariant that a run checks. tests/mutants/ plants more, for all tests.
"""

from collections.abc import Callable, Sequence

import pytest

from router.core import refusals
from router.core.admission import Admission
from router.core.dispatcher import Dispatcher
from router.core.lane import Lane
from router.core.ledger import Ledger
from router.core.membership import Membership
from router.core.quota import Quota
from router.core.request import Answer, Kind, Request
from router.core.schedule import Schedule
from router.core.snapshot import SnapshotEndpoint
from router.core.token_bucket import TokenBucket
from sim import steps
from sim.plane import Plane
from sim.worker import SimWorker

# The generation before the one that the change of the traffic makes.
TRAFFIC_CHANGES = 2
# Of about 980 requests, the first of the last ones.
LAST = 960
# As the scenario's models give by default.
ANSWER_BYTES = 60
Plant = Callable[[pytest.MonkeyPatch], None]

SCENARIO = """
name: planted
for_s: 12
quotas: {bandwidth_bytes_per_s: 300000}
endpoints:
  - name: my-endpoint
    traffic: {blue: 90, red: 10}
    mirror_traffic: {green: 20}
    deployments:
      - {name: blue, instance_count: 3, latency: {constant_ms: 60}, request_settings: &room
          {max_concurrent_requests_per_instance: 50}}
      - {name: red, latency: {constant_ms: 1}, request_settings: *room}
      - {name: green, latency: {constant_ms: 200}, request_settings: *room}
clients:
  - {name: users, arrivals: {per_s: 80}, body_bytes: 8000}
  - {name: direct, deployment: green, arrivals: {per_s: 2}}
timeline:
  - {at_s: 3, instance_count: blue=1}
  - {at_s: 6, traffic: blue=60 red=60}
  - {at_s: 7, traffic: blue=0 red=100}
  - {at_s: 9, restart: control-plane}
"""


def stale_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    swap = Dispatcher.swap

    def keep_old(self: Dispatcher, routing: object, unreachable: object = ()) -> None:
        old = self.snapshot
        swap(self, routing, unreachable)  # type: ignore[arg-type]
        if routing.generation > TRAFFIC_CHANGES:  # type: ignore[attr-defined]
            self.snapshot = old

    monkeypatch.setattr(Dispatcher, "swap", keep_old)


def swap_that_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    update = Membership.update

    def send(self: Membership, *arguments: object) -> list[Lane]:
        lanes = update(self, *arguments)  # type: ignore[arg-type]
        for instance in self.instances.values():
            monkeypatch.port.send(instance.id, [], 0)  # type: ignore[attr-defined]
        return lanes

    init = Dispatcher.__init__

    def keep_port(self: Dispatcher, port: object, *arguments: object) -> None:
        monkeypatch.port = port  # type: ignore[attr-defined]
        init(self, port, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Dispatcher, "__init__", keep_port)
    monkeypatch.setattr(Membership, "update", send)


def first_share_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Schedule, "pick", lambda _: 0)


def weight_off_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    init = Schedule.__init__

    def off(self: Schedule, percents: tuple[int, ...], random: Callable[[], float]) -> None:
        first, *rest = percents
        init(self, (first - 1, *rest[:-1], rest[-1] + 1) if rest else percents, random)

    monkeypatch.setattr(Schedule, "__init__", off)


def copies_take_places(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Ledger.take

    def with_place(self: Ledger, kind: object, deployment: object, *rest: object) -> object:
        deployment.lane.places.add(10**9)  # type: ignore[attr-defined]
        return take(self, kind, deployment, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "take", with_place)


def any_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.plane.check_traffic", lambda *_: None)


def half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    set_traffic = Plane._set_traffic

    def store_first(self: Plane, endpoint: str, doing: object, begun: object) -> None:
        self._memory.deployments[endpoint]["blue"].tags["tried"] = "yes"
        set_traffic(self, endpoint, doing, begun)  # type: ignore[arg-type]

    monkeypatch.setattr(Plane, "_set_traffic", store_first)


def direct_is_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    take_direct = Dispatcher._take_direct

    def and_copy(self: Dispatcher, *arguments: object) -> object:
        request = take_direct(self, *arguments)  # type: ignore[arg-type]
        if arguments[0].mirror is not None:  # type: ignore[attr-defined]
            self._copy(arguments[0], request, arguments[-1])  # type: ignore[arg-type]
        return request

    monkeypatch.setattr(Dispatcher, "_take_direct", and_copy)


def bucket_overflows(monkeypatch: pytest.MonkeyPatch) -> None:
    init = TokenBucket.__init__
    monkeypatch.setattr(
        TokenBucket, "__init__", lambda self, per_s, burst: init(self, per_s, 2 * burst)
    )


def answers_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    on_answers = Dispatcher.on_answers
    kept: list[int] = []

    def swapped(self: Dispatcher, instance_id: str, answers: list[object], now_ns: int) -> None:
        for answer in answers:
            kept.append(answer.asked)  # type: ignore[attr-defined]
            answer.asked = kept[max(len(kept) - 2, 0)]  # type: ignore[attr-defined]
        on_answers(self, instance_id, answers, now_ns)  # type: ignore[arg-type]

    monkeypatch.setattr(Dispatcher, "on_answers", swapped)


def deadline_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.core.lane.Lane.take_batch", lambda *_: [])
    monkeypatch.setattr(Dispatcher, "on_time", lambda *_: None)


def answers_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the last requests, which nobody comes after."""
    tell = SimWorker.tell

    def drop(self: SimWorker, answered: Sequence[tuple[Request, Answer]]) -> None:
        kept = [one for one in answered if one[0].client.number < LAST]  # type: ignore[union-attr]
        self.dispatcher.ledger.answered -= len(answered) - len(kept)
        tell(self, kept)

    monkeypatch.setattr(SimWorker, "tell", drop)


def answers_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    tell = SimWorker.tell
    monkeypatch.setattr(SimWorker, "tell", lambda self, told: tell(self, [*told, *told]))


def answers_uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Ledger.finish

    def uncounted(self: Ledger, request: Request) -> None:
        finish(self, request)
        self.answered -= request.client is not None

    monkeypatch.setattr(Ledger, "finish", uncounted)


def let_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def settle(self: Membership, lane: Lane) -> None:
        for instance in [one for one in lane.instances.values() if one.removed]:
            self.remove(instance.id)
            self._on_drained(instance.id)

    monkeypatch.setattr(Membership, "settle", settle)


def never_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Membership, "settle", lambda *_: None)


def forgets_at_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first state is stored, and no change."""
    store = Plane._store
    monkeypatch.setattr(Plane, "_store", lambda self: self._disk or store(self))


def does_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = steps.whole

    def other(numbers: dict[str, float], key: str) -> dict[str, int]:
        found = whole(numbers, key)
        return {"blue": 99, "red": 1} if found == {"blue": 0, "red": 100} else found

    monkeypatch.setattr("sim.plane.whole", other)


def to_anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request goes to another deployment's instance."""
    send = SimWorker.send

    def elsewhere(self: SimWorker, instance_id: str, batch: object, now_ns: int) -> None:
        others = [one for one in self.dispatcher._membership.instances if "blue" not in one]
        send(self, others[0], batch, now_ns)  # type: ignore[arg-type]

    monkeypatch.setattr(SimWorker, "send", elsewhere)


def copies_out_of_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two copies are sent of the request whose turn it is."""
    copy = Admission._copy

    def twice(self: Admission, endpoint: SnapshotEndpoint, live: Request, now_ns: int) -> None:
        copy(self, endpoint, live, now_ns)
        shadow = endpoint.mirror_deployment
        assert shadow is not None
        again = self.ledger.take(Kind.COPY, shadow, live.payload, live.head, None, now_ns)
        again.copy_of = live.id

    monkeypatch.setattr(Admission, "_copy", twice)


def too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines are looked at a second too late."""
    on_time = Dispatcher.on_time
    monkeypatch.setattr(Dispatcher, "on_time", lambda self, now_ns: on_time(self, now_ns - 10**9))


def named_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Dispatcher, "_take_direct", lambda self, endpoint, *_: self._refuse(
            endpoint.name, refusals.unknown_deployment(endpoint, "green")
        )
    )  # fmt: skip


def turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Dispatcher, "arrive", lambda self, endpoint, *_: self._refuse(
            endpoint.name, refusals.no_traffic(endpoint)
        )
    )  # fmt: skip


def wrong_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Dispatcher, "authorize",
        lambda self, endpoint, *_: self._refuse(endpoint, refusals.UNAUTHORIZED),
    )  # fmt: skip


def needless_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TokenBucket, "draw", lambda *_: 1)
    monkeypatch.setattr(TokenBucket, "take", lambda *_: 1)


def promises_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits holds up nobody."""
    draw = TokenBucket.draw

    def forget(self: TokenBucket, need: int, now_ns: int) -> int:
        wait_ns = draw(self, need, now_ns)
        self.credit = max(self.credit, 0)
        return wait_ns

    monkeypatch.setattr(TokenBucket, "draw", forget)


def copies_uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Quota, "charge_copy", lambda *_: None)


def answers_of_copies_uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    charge = Quota.charge_copy

    def of_requests(self: Quota, count_bytes: int, now_ns: int) -> None:
        if count_bytes > ANSWER_BYTES:
            charge(self, count_bytes, now_ns)

    monkeypatch.setattr(Quota, "charge_copy", of_requests)


def copies_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Admission._copy

    def drop(self: Admission, endpoint: SnapshotEndpoint, live: Request, now_ns: int) -> None:
        copy(self, endpoint, live, now_ns)
        assert endpoint.mirror_deployment is not None
        self.ledger.finish(endpoint.mirror_deployment.lane.queue.pop())

    monkeypatch.setattr(Admission, "_copy", drop)


def given_up_at_a_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    swap = Dispatcher.swap

    def give_up(self: Dispatcher, routing: object, unreachable: object = ()) -> None:
        swap(self, routing, unreachable)  # type: ignore[arg-type]
        for request in self.ledger.everything():
            if request.client is not None and request.instance is None:
                request.deployment.lane.queue.remove(request)
                self._finish_refused(request, refusals.model_not_ready(request.deployment))

    monkeypatch.setattr(Dispatcher, "swap", give_up)


def copies_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    charge = Quota.charge_copy

    def twice(self: Quota, count_bytes: int, now_ns: int) -> None:
        charge(self, 2 * count_bytes, now_ns)

    monkeypatch.setattr(Quota, "charge_copy", twice)


PLANTED: list[tuple[Plant, str]] = [
    (stale_snapshot, r"broken invariant 1: worker 0 sent request \d+ to blue, which the rules"),
    (wrong_key, r"broken invariant 1: request \d+ was refused \(unauthorized\) by "),
    (turned_away, r"broken invariant 1: request \d+ was refused \(no_traffic\) by "),
    (swap_that_sends, r"broken invariant 2: worker 0 sent \[\] to .* while it swapped"),
    (weight_off_by_one, r"broken invariant 3: .* blue has \d+ of \d+ at 90 %, with request \d+"),
    (first_share_only, r"broken invariant [34]: .* with request \d+"),
    (copies_out_of_turn, r"broken invariant 4: worker 0 sent a copy of request \d+, which was"),
    (copies_take_places, r"broken invariant 5: request \d+ was refused with \d+ of \d+ in flight"),
    (any_sum, "broken invariant 6: traffic of my-endpoint is {'blue': 60, 'red': 60}"),
    (half_done, "broken invariant 6: a refused operation changed"),
    (direct_is_mirrored, r"broken invariant 7: the direct request \d+ was mirrored"),
    (named_in_vain, r"broken invariant 7: request \d+ named green and was refused \(unknown_dep"),
    (bucket_overflows, r"broken invariant 8: \d+ bytes of request \d+ of my-endpoint waited 0 ns"),
    (promises_forgotten, r"broken invariant 8: \d+ bytes of request \d+ .* bytes too few"),
    (needless_delay, r"broken invariant 8: \d+ bytes of request \d+ .* waited 1 ns with \d+ bytes"),
    (copies_uncounted, r"broken invariant 8: at request \d+ worker 0 counts 0 bytes of copies"),
    (answers_of_copies_uncounted, r"broken invariant 8: at request \d+ worker 0 counts \d+ bytes"),
    (copies_dropped, r"broken invariant 4: copies of \[\d+.*\] for green were neither sent nor lo"),
    (given_up_at_a_swap, r"broken invariant 10: request \d+ was given up \(model_not_ready\) \d+"),
    (copies_counted_twice, r"broken invariant 8: at request \d+ worker 0 counts \d+ bytes of cop"),
    (answers_swapped, r"broken invariant 9: request \d+ got the answer to \d+"),
    (deadline_ignored, r"broken invariant 9: request \d+ was answered \d+ ms after its deadline"),
    (answers_dropped, r"broken invariant 9: \d+ requests without an answer: \[\d+"),
    (answers_told_twice, r"broken invariant 9: request \d+ was answered twice, or never taken"),
    (answers_uncounted, r"broken invariant 9: worker 0 counts \(\d+, \d+\), there were \("),
    (to_anyone, r"broken invariant 9: \[\d+.*\] are no requests of \w+, and were sent to my-end"),
    (too_late, r"broken invariant 9: request \d+ was answered \d+ ms after its deadline"),
    (let_go_at_once, r"broken invariant 10: instance \S+ was let go with \d+ requests: \["),
    (never_let_go, r"broken invariant 10: worker 0 never lets go of instance \S+"),
    (forgets_at_restart, r"broken invariant 11: my-endpoint is .* acknowledged was "),
    (does_something_else, r"broken invariant 11: my-endpoint is .*'blue': 99.* acknowledged was "),
]
