"""The player: gives a dispatcher what a journal says, and compares what it has done for that.

It is the dispatcher's shell, as data_plane/engine.py is; but what is to happen next is in the
journal. Where the core decides otherwise than it did then, the play ends.
"""

import contextlib
import random
from collections.abc import Iterator, Sequence

from router.core.budgets import Budgets, Count
from router.core.dispatcher import Dispatcher
from router.core.errors import BadRequest
from router.core.journal.events import (
    FORMAT,
    Abandoned,
    Answered,
    Arrived,
    AskedToWait,
    Authorized,
    Began,
    Cancelled,
    Charged,
    Closed,
    Connected,
    Disconnected,
    Done,
    Drained,
    Drew,
    Ended,
    Entered,
    Event,
    Found,
    Granted,
    Lost,
    PassedOn,
    Pumped,
    Refused,
    Result,
    Sent,
    Swapped,
    Taken,
    TimePassed,
    Told,
    Verified,
    Woke,
    WokeAt,
)
from router.core.journal.recording import counts_of, result_of
from router.core.lane import Lane
from router.core.quota import Quota
from router.core.request import Answer, Head, Refusal, Request
from router.core.routing import EndpointQuota
from router.core.token_bucket import Budget
from sim.replay.answers import PlayedAnswer
from sim.replay.reader import JournalEnds, Reader
from sim.replay.tally import Tally


class Differs(Exception):
    """The core decides otherwise than it did.

    Attributes:
        number: of the event in the journal, from 1.
        recorded, decided: what was done then, and is done now.
    """

    def __init__(self, number: int, recorded: Event, decided: Event) -> None:
        super().__init__(f"event {number}: recorded {recorded}, decided now {decided}")
        self.number = number
        self.recorded = recorded
        self.decided = decided


class Player:
    """One journal's dispatcher and its shell.

    Attributes:
        began: the journal's first event.
        reader: where in the journal it is.
        tally: what has happened in it.

    Raises:
        BadRequest: it is no journal, or one of another format.
    """

    def __init__(self, events: Iterator[Event]) -> None:
        self.reader = Reader(events)
        began = self.reader.next
        if not isinstance(began, Began):
            raise BadRequest(f"expected a journal, which begins with {Began.__name__}, got {began}")
        if began.format != FORMAT:
            raise BadRequest(
                f"expected a journal of format {FORMAT}, got {began.format}: it was written by "
                f"Turnout {began.version}, which can replay it"
            )
        self.reader.take()
        self.began = began
        self.tally = Tally()
        self.dispatcher = Dispatcher(
            self,
            random.Random(began.seed),  # noqa: S311 - as the worker's
            began.now_ns,
            _PlayedBudgets(self, began.workers) if began.workers > 1 else None,
            self._quota,
        )
        self._quotas: list[Quota] = []
        self._lanes: list[Lane] = []
        self._numbers: dict[Lane, int] = {}

    def play(self) -> bool:
        """Plays all; returns whether the journal ends with the end of a call.

        Raises:
            Differs: the core decided otherwise.
            BadRequest: it is no journal.
        """
        with contextlib.suppress(JournalEnds):
            while (event := self.reader.next) is not None:
                if not isinstance(event, Entered):
                    raise Differs(self.reader.read + 1, event, Ended())
                self._enter()
            return True
        return False

    def learn(self) -> int:
        """What the journal says that a bucket or a count said."""
        event = self.reader.take()
        if not isinstance(event, Drew):
            raise Differs(self.reader.read, event, Drew(0))
        return event.result

    # What the dispatcher asks for.

    def wake(self, lane: Lane) -> None:
        """See Port."""
        self.did(Woke(self._number(lane), lane.endpoint, lane.deployment))

    def wake_at(self, lane: Lane, due_ns: int) -> None:
        """See Port."""
        self.did(WokeAt(self._number(lane), due_ns))

    def send(self, instance_id: str, batch: Sequence[Request], now_ns: int) -> None:
        """See Port."""
        del now_ns
        self.tally.sent(batch)
        self.did(Sent(instance_id, tuple(request.id for request in batch)))

    def tell(self, answered: Sequence[tuple[Request, Answer]]) -> None:
        """See Port."""
        self.did(Told(tuple(request.id for request, _ in answered)))

    def grant(self, instance_id: str, request_id: int, count_bytes: int) -> None:
        """See Port."""
        self.did(Granted(instance_id, request_id, count_bytes))

    def cancel(self, instance_id: str, request_id: int) -> None:
        """See Port."""
        self.did(Cancelled(instance_id, request_id))

    def on_drained(self, instance_id: str) -> None:
        """See Port."""
        self.did(Drained(instance_id))

    def verify_token(self, token: bytes, secret: str) -> int:
        """See AdmissionPort."""
        del token, secret
        event = self.reader.take()
        if not isinstance(event, Verified):
            raise Differs(self.reader.read, event, Verified(0))
        return event.left_ns

    # What its clients are told.

    def on_answer(self, request: Request, answer: Answer) -> None:
        """See Client."""
        del answer
        self.did(PassedOn(request.id))

    def on_refusal(self, request: Request, refusal: Refusal) -> None:
        """See Client."""
        self.tally.refused(refusal)
        self.did(Refused(request.id, refusal.reason.value, refusal.retry_after_s))

    def did(self, decided: Done) -> None:
        """The core has something done: so it had then, and what the shell called meanwhile."""
        self._compare(decided)
        while isinstance(self.reader.next, Entered):
            self._enter()

    def _compare(self, decided: Event) -> None:
        recorded = self.reader.take()
        if recorded != decided:
            raise Differs(self.reader.read, recorded, decided)

    def _enter(self) -> None:
        event = self.reader.take()
        try:
            result = self._call(event)
        except (Differs, JournalEnds, BadRequest):
            raise
        except Exception as error:  # noqa: BLE001 - as the journal has it
            result = ("raised", type(error).__name__)
        self.tally.returned(event, result)
        self._compare(Ended(result))

    def _call(self, event: Event) -> Result:  # noqa: C901, PLR0911, PLR0912 - one case for each event
        core = self.dispatcher
        match event:
            case Arrived(name, pinned, body_bytes, head_bytes, now_ns, aside):
                endpoint = core.snapshot.endpoints[name]
                head = Head(size_bytes=head_bytes)
                if aside:
                    return result_of(core.arrive_aside(endpoint, pinned, head, self, now_ns))
                body = bytes(body_bytes)
                return result_of(core.arrive(endpoint, pinned, body, head, self, now_ns))
            case Authorized(name, authorization, now_ns):
                found = core.authorize(name, authorization, now_ns)
                return (int(not isinstance(found, Refusal)),)
            case Pumped(lane, now_ns):
                core.pump(self._lanes[lane], now_ns)
            case Answered(instance, parts, now_ns):
                core.on_answers(instance, [PlayedAnswer(part) for part in parts], now_ns)
            case Charged(quota, count_bytes, now_ns):
                throttle = self._quotas[quota].throttle
                assert throttle is not None
                return (throttle.charge(count_bytes, now_ns),)
            case AskedToWait(quota, count_bytes, now_ns):
                throttle = self._quotas[quota].throttle
                assert throttle is not None
                return (int(throttle.would_wait(count_bytes, now_ns)),)
            case TimePassed(now_ns):
                core.on_time(now_ns)
            case Swapped(routing, unreachable):
                core.swap(routing, unreachable)
                return counts_of(core)
            case Connected(name, now_ns):
                refusal = core.open_connection(core.snapshot.endpoints[name], now_ns)
                return () if refusal is None else result_of(refusal)
            case Disconnected(quota):
                self._quotas[quota].close_connection()
            case Taken(number, count_bytes):
                if (request := core.ledger.find(number)) is not None:
                    core.grant(request, count_bytes)
            case Abandoned(number):
                if (request := core.ledger.find(number)) is not None:
                    core.abandon(request)
            case Lost(instance, now_ns):
                core.on_instance_lost(instance, now_ns)
            case Found(instance):
                core.on_instance_found(instance)
            case Closed():
                core.close()
                return counts_of(core)
        return ()

    def _quota(self, name: str, limits: EndpointQuota, budgets: Budgets) -> Quota:
        self._quotas.append(Quota(name, limits, budgets))
        return self._quotas[-1]

    def _number(self, lane: Lane) -> int:
        number = self._numbers.setdefault(lane, len(self._lanes))
        if number == len(self._lanes):
            self._lanes.append(lane)
        return number


class _PlayedBudgets:
    """Budgets that several workers kept: they say what the journal says they said."""

    def __init__(self, player: Player, workers: int) -> None:
        self.workers = workers
        self._player = player

    def bucket(self, endpoint: str, kind: int, per_s: int, burst: int) -> Budget:
        del endpoint, kind, per_s, burst
        return _PlayedBucket(self._player)

    def count(self, endpoint: str, deployment: str = "") -> Count:
        del endpoint, deployment
        return _PlayedCount(self._player)


class _PlayedBucket:
    def __init__(self, player: Player) -> None:
        self._player = player

    def draw(self, need: int, now_ns: int) -> int:
        del need, now_ns
        return self._player.learn()

    def take(self, count: int, now_ns: int) -> int:
        del count, now_ns
        return self._player.learn()

    def give_back(self, count: int, now_ns: int) -> None:
        """Seen in what it says later."""


class _PlayedCount:
    now = 0

    def __init__(self, player: Player) -> None:
        self._player = player

    def add(self, most: int) -> bool:
        del most
        return bool(self._player.learn())

    def remove(self) -> None:
        """Seen in what it says later."""
