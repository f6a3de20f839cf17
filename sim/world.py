"""One run of a scenario: puts the simulated parts together and lets time pass."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from router.core.budgets import Count, LocalCount
from router.core.errors import BadRequest
from router.core.quota_settings import quotas_of
from router.core.token_bucket import Budget, TokenBucket
from sim import scenario as declared
from sim.asked import Asked
from sim.auditor import Auditor
from sim.clock import NS_PER_S, Clock
from sim.draws import Draw, arrivals, generator, latencies, sizes
from sim.faults import check_fault, inflict
from sim.instance import Model
from sim.plane import Plane
from sim.record import Record
from sim.steps import FAULTS, OPERATIONS, Doing, created_later, doing
from sim.worker import SimWorker

# Until all workers route by what is there at the start.
WARM_NS = NS_PER_S
# How long the last requests may take to end: the longest timeout, and a tick.
DRAIN_S = 181
NS_PER_US = 1000
# How often progress is told, in virtual time: so many times in a run.
REPORTS = 200
# What one virtual second may hold: ticks and operations, and of each request its way and its bytes.
ACTIONS_PER_S_MAX = 200_000
ACTIONS_PER_REQUEST_MAX = 200


class Source(NamedTuple):
    """A client: whom it asks, when, and with how much."""

    endpoint: str
    pinned: str | None
    times: Iterator[int]
    body_bytes: Draw


class SharedBudgets:
    """Buckets and counts of several simulated workers, which are in one process."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._buckets: dict[tuple[str, int], TokenBucket] = {}
        self._counts: dict[tuple[str, str], LocalCount] = {}

    def bucket(self, endpoint: str, kind: int, per_s: int, burst: int) -> Budget:
        """See core.budgets.Budgets."""
        return self._buckets.setdefault((endpoint, kind), TokenBucket(per_s, burst))

    def count(self, endpoint: str, deployment: str = "") -> Count:
        """See core.budgets.Budgets."""
        return self._counts.setdefault((endpoint, deployment), LocalCount())


class World:
    """A scenario, ready to run.

    Args:
        folder: what paths in it are relative to.
        log: where each event is written; None for nowhere.

    Attributes:
        record: what was measured.
        auditor: what has happened last.

    Raises:
        BadRequest: the scenario's parts don't fit together.
    """

    def __init__(
        self, scenario: declared.Scenario, folder: Path, log: IO[bytes] | None = None
    ) -> None:
        self.scenario = scenario
        self._end_ns = round(scenario.for_s * NS_PER_S)
        self._clock = Clock(_actions_per_s_max(scenario))
        self.auditor = Auditor(self._clock, scenario.workers, log)
        steps = len(scenario.timeline) + 1
        self.record = Record(self._clock, self.auditor, steps, self._end_ns)
        message_ns = round(scenario.message_us * NS_PER_US)
        self._models = dict(self._described(folder))
        budgets = SharedBudgets(scenario.workers)
        self._workers: list[SimWorker] = []
        self._plane = Plane(
            self._clock,
            self.record,
            self._workers,
            quotas_of(scenario.quotas),
            self._models,
            message_ns,
        )
        for number in range(scenario.workers):
            rng = generator(scenario.seed, "worker", str(number))
            self._workers.append(
                SimWorker(number, self._clock, rng, budgets, self._plane, self.record, message_ns)
            )
        self._spread = generator(scenario.seed, "connections").random
        self._plane.start(scenario.endpoints, created_later(scenario))
        self._begin_ns = self.record.begin_ns = self._clock.now_ns + WARM_NS
        self._plan_steps()
        self._plan_clients()

    def run(self, tell: Callable[[float], None] = lambda _: None) -> None:
        """Runs it to its end, when everything that was asked is answered.

        Args:
            tell: told now and then how far it is, from 0 to 1.

        Raises:
            Broken: an invariant does not hold.
            Stuck: time does not pass.
        """
        for part in range(1, REPORTS + 1):
            self._clock.run(self._begin_ns + self._end_ns * part // REPORTS)
            tell(part / REPORTS)
        for _ in range(DRAIN_S):
            if self.record.ended_count == self.record.asked and self.auditor.is_drained:
                break
            self._clock.run(self._clock.now_ns + NS_PER_S)
        self.auditor.end(hung=any(model.hangs for _, model in self._models.values()))

    def _described(
        self, folder: Path
    ) -> Iterator[tuple[tuple[str, str], tuple[declared.Deployment, Model]]]:
        for endpoint in self.scenario.endpoints:
            for one in endpoint.deployments:
                rng = generator(self.scenario.seed, "run", endpoint.name, one.name)
                errors = generator(self.scenario.seed, "errors", endpoint.name, one.name)
                yield (
                    (endpoint.name, one.name),
                    (
                        one,
                        Model(
                            latencies(one.latency, rng, folder),
                            errors.random,
                            one.error_percent / 100,
                            one.answer_bytes,
                            round(one.cold_start_s * NS_PER_S),
                        ),
                    ),
                )

    def _plan_steps(self) -> None:
        first = self.scenario.endpoints[0].name
        for number, step in enumerate(self.scenario.timeline):
            found = doing(step, number)
            if found is not None and found.verb in FAULTS:
                check_fault(step.endpoint or first, found, self._models)
            at_ns = self._begin_ns + round(step.at_s * NS_PER_S)
            self._clock.at(at_ns, self._step, (number + 1, step.endpoint or first, found))

    def _plan_clients(self) -> None:
        known = {endpoint.name for endpoint in self.scenario.endpoints}
        for number, client in enumerate(self.scenario.clients):
            endpoint = client.endpoint or self.scenario.endpoints[0].name
            if endpoint not in known:
                raise BadRequest(
                    f"expected one of {', '.join(sorted(known))}, got {endpoint!r}, at "
                    f"`$.clients[{number}].endpoint`"
                )
            seed = self.scenario.seed
            times = arrivals(client, self._end_ns, generator(seed, "arrivals", client.name))
            body = sizes(client, generator(seed, "sizes", client.name))
            self._plan_next(Source(endpoint, client.deployment, times, body))

    def _plan_next(self, source: Source) -> None:
        at_ns = next(source.times, None)
        if at_ns is not None:
            self._clock.at(self._begin_ns + at_ns, self._ask, source)

    def _ask(self, source: Source) -> None:
        record = self.record
        record.asked += 1
        asked = Asked(
            record.asked,
            self._clock.now_ns,
            source.endpoint,
            source.pinned,
            source.body_bytes(),
            record,
        )
        workers = self._workers
        if len(workers) == 1:
            workers[0].ask(asked)
        else:
            workers[int(self._spread() * len(workers))].ask(asked)
        self._plan_next(source)

    def _step(self, planned: tuple[int, str, Doing | None]) -> None:
        number, endpoint, found = planned
        if found is not None and found.verb in OPERATIONS:
            self._plane.do(endpoint, found, number)
            return
        self.record.begin_step(number)
        if found is not None:
            models = {
                name: model for (of, name), (_, model) in self._models.items() if of == endpoint
            }
            inflict(endpoint, found, models, self._plane)


def _actions_per_s_max(scenario: declared.Scenario) -> int:
    """More than any second of the scenario can hold, if time passes."""
    rates = [client.arrivals for client in scenario.clients]
    requests = sum(max(one.per_s, one.peak_per_s or 0) * one.group for one in rates)
    return ACTIONS_PER_S_MAX + ACTIONS_PER_REQUEST_MAX * math.ceil(requests)
