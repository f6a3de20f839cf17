"""A dispatcher that keeps a journal of itself. It decides nothing: it is a Dispatcher."""

import random
from collections.abc import Callable, Collection, Iterable

from router.core.budgets import Budgets, LocalBudgets
from router.core.dispatcher import Dispatcher, Port
from router.core.journal.events import (
    FORMAT,
    Abandoned,
    Answered,
    Arrived,
    Authorized,
    Began,
    Closed,
    Connected,
    Found,
    Lost,
    Part,
    Pumped,
    Result,
    Swapped,
    Taken,
    TimePassed,
)
from router.core.journal.ports import (
    RecordedBudgets,
    RecordedClient,
    RecordedPort,
    RecordedQuota,
)
from router.core.journal.pseudonyms import Pseudonyms
from router.core.journal.tape import Tape
from router.core.lane import Lane
from router.core.quota import Quota
from router.core.request import Answer, Client, Head, Payload, Refusal, Request
from router.core.routing import EndpointQuota, Routing
from router.core.snapshot import SnapshotEndpoint


class RecordingDispatcher(Dispatcher):
    """As Dispatcher, whose calls it documents.

    Args:
        write: takes chunks of the journal, in their order.
        seed: of the random generator that schedules are drawn with.
        salt: of the pseudonyms that stand for keys; see there.
        version: of Turnout.
        worker: this one's number.
    """

    def __init__(
        self,
        port: Port,
        write: Callable[[bytes], None],
        now_ns: int,
        budgets: Budgets | None = None,
        *,
        seed: int,
        salt: bytes,
        version: str = "",
        worker: int = 0,
    ) -> None:
        budgets = budgets or LocalBudgets()
        self._tape = tape = Tape(write)
        self._pseudonyms = Pseudonyms(salt)
        self._quotas = 0
        super().__init__(
            RecordedPort(port, tape),
            random.Random(seed),  # noqa: S311 - fairness, not secrecy
            now_ns,
            RecordedBudgets(budgets, tape) if budgets.workers > 1 else budgets,
            self._quota,
        )
        tape.put(Began(FORMAT, version, seed, worker, budgets.workers, now_ns))

    def swap(self, routing: Routing, unreachable: Collection[str] = ()) -> None:
        """See Dispatcher."""
        event = Swapped(self._pseudonyms.of_routing(routing), tuple(sorted(unreachable)))
        with self._tape.enter(event) as entering:
            super().swap(routing, unreachable)
            entering.result = counts_of(self)
        self._tape.flush()

    def authorize(
        self, endpoint_name: str, authorization: bytes, now_ns: int
    ) -> SnapshotEndpoint | Refusal:
        """See Admission."""
        shown = self._pseudonyms.of_authorization(authorization)
        with self._tape.enter(Authorized(endpoint_name, shown, now_ns)) as entering:
            found = super().authorize(endpoint_name, authorization, now_ns)
            entering.result = (int(not isinstance(found, Refusal)),)
        return found

    def arrive(
        self,
        endpoint: SnapshotEndpoint,
        pinned: str | None,
        payload: Payload,
        head: Head,
        client: Client,
        now_ns: int,
    ) -> Request | Refusal:
        """See Admission."""
        if self._tape.in_core:
            return super().arrive(endpoint, pinned, payload, head, client, now_ns)
        event = Arrived(endpoint.name, pinned, len(payload), head.size_bytes, now_ns, aside=False)
        with self._tape.enter(event) as entering:
            client = RecordedClient(client, self._tape)
            taken = super().arrive(endpoint, pinned, payload, head, client, now_ns)
            entering.result = result_of(taken)
        return taken

    def arrive_aside(
        self,
        endpoint: SnapshotEndpoint,
        pinned: str | None,
        head: Head,
        client: Client,
        now_ns: int,
    ) -> Request | Refusal:
        """See Admission."""
        event = Arrived(endpoint.name, pinned, 0, head.size_bytes, now_ns, aside=True)
        with self._tape.enter(event) as entering:
            client = RecordedClient(client, self._tape)
            taken = super().arrive_aside(endpoint, pinned, head, client, now_ns)
            entering.result = result_of(taken)
        return taken

    def open_connection(self, endpoint: SnapshotEndpoint, now_ns: int) -> Refusal | None:
        """See Admission."""
        with self._tape.enter(Connected(endpoint.name, now_ns)) as entering:
            refusal = super().open_connection(endpoint, now_ns)
            entering.result = () if refusal is None else result_of(refusal)
        return refusal

    def pump(self, lane: Lane, now_ns: int) -> None:
        """See Dispatcher."""
        if self._tape.in_core:
            super().pump(lane, now_ns)
            return
        with self._tape.enter(Pumped(self._tape.number(lane), now_ns)):
            super().pump(lane, now_ns)

    def on_answers(self, instance_id: str, answers: Iterable[Answer], now_ns: int) -> None:
        """See Dispatcher."""
        answers = list(answers)
        parts = tuple(
            Part(a.id, a.outcome, a.status, len(a.payload), a.run_ns, a.more) for a in answers
        )
        with self._tape.enter(Answered(instance_id, parts, now_ns)):
            super().on_answers(instance_id, answers, now_ns)

    def grant(self, request: Request, count_bytes: int) -> None:
        """See Dispatcher."""
        if self._tape.in_core:
            super().grant(request, count_bytes)
            return
        with self._tape.enter(Taken(request.id, count_bytes)):
            super().grant(request, count_bytes)

    def abandon(self, request: Request) -> None:
        """See Dispatcher."""
        with self._tape.enter(Abandoned(request.id)):
            super().abandon(request)

    def on_time(self, now_ns: int) -> None:
        """See Dispatcher."""
        with self._tape.enter(TimePassed(now_ns)):
            super().on_time(now_ns)
        self._tape.flush()

    def on_instance_lost(self, instance_id: str, now_ns: int) -> None:
        """See Dispatcher."""
        with self._tape.enter(Lost(instance_id, now_ns)):
            super().on_instance_lost(instance_id, now_ns)

    def on_instance_found(self, instance_id: str) -> None:
        """See Dispatcher."""
        with self._tape.enter(Found(instance_id)):
            super().on_instance_found(instance_id)

    def close(self) -> None:
        """See Dispatcher."""
        with self._tape.enter(Closed()) as entering:
            super().close()
            entering.result = counts_of(self)
        self._tape.flush()

    def _quota(self, name: str, limits: EndpointQuota, budgets: Budgets) -> Quota:
        self._quotas += 1
        return RecordedQuota(name, limits, budgets, self._quotas - 1, self._tape)


def result_of(taken: Request | Refusal) -> Result:
    """What was decided of an arrival."""
    if isinstance(taken, Refusal):
        return (taken.reason.value, taken.retry_after_s, taken.deployment)
    return (taken.id, taken.kind.value, taken.deployment.name)


def counts_of(dispatcher: Dispatcher) -> Result:
    """All that a dispatcher has counted but bytes, which shells do."""
    counted = dispatcher.statistics()
    found: list[int | str] = [counted.generation, counted.accepted, counted.answered]
    for endpoint in counted.endpoints:
        found += [endpoint.name, endpoint.scheduled, endpoint.mirror_considered, endpoint.refused]
        for one in endpoint.deployments:
            found += [one.name, one.live, one.direct, one.copies, one.copies_lost]
            found += [one.answered, one.failed, one.queued, one.outstanding]
    return tuple(found)
