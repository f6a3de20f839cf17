"""One run of a scenario: puts the simulated parts together and lets time pass."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from router.core.budgets import Count, LocalCount
from router.core.quota_settings import quotas_of
from router.core.token_bucket import Budget, TokenBucket
from sim import scenario as declared
from sim.auditor import Auditor
from sim.checkers.broken import Place
from sim.checks import check
from sim.clients import Clients
from sim.clock import NS_PER_S, Clock
from sim.cores import Cores
from sim.draws import Draw, generator, latencies, measured
from sim.faults import inflict
from sim.fleet import SimFleet
from sim.instance import Model
from sim.plane import Plane
from sim.record import Record
from sim.steps import OPERATIONS, Doing, created_later, doing
from sim.ways import Ways
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
# The shortest way of a request of a closed loop, where messages take no time: a run() of 1 us.
LOOP_MS_MIN = 0.001


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
        measured_ns: real latencies, sorted, where the scenario names some.

    Raises:
        BadRequest: the scenario's parts don't fit together.
    """

    def __init__(
        self, scenario: declared.Scenario, folder: Path, log: IO[bytes] | None = None
    ) -> None:
        check(scenario)
        self.scenario = scenario
        self._end_ns = round(scenario.for_s * NS_PER_S)
        self._clock = Clock(_actions_per_s_max(scenario))
        self.auditor = Auditor(self._clock, scenario.workers, log)
        steps = len(scenario.timeline) + 1
        self.record = Record(self._clock, self.auditor, steps, self._end_ns)
        message_ns = round(scenario.message_us * NS_PER_US)
        self._models = dict(self._described(folder))
        self.measured_ns = dict(self._measured(folder))
        cores = None if scenario.cores is None else Cores(scenario.cores, self._clock)
        work = self._clock.after if cores is None else cores.work
        budgets = SharedBudgets(scenario.workers)
        self._workers: list[SimWorker] = []
        self._fleet = SimFleet(
            self._clock,
            self.record,
            self._workers,
            message_ns,
            work,
            generator(scenario.seed, "restarts").random,
        )
        self._plane = Plane(
            self._clock,
            self.record,
            self._workers,
            quotas_of(scenario.quotas),
            self._models,
            self._fleet,
        )
        for number in range(scenario.workers):
            rng = generator(scenario.seed, "worker", str(number))
            self._workers.append(
                SimWorker(number, self._clock, rng, budgets, self._fleet, self.record, message_ns)
            )
        self._plane.start(scenario.endpoints, created_later(scenario))
        self._fleet.replace_hung()
        self._begin_ns = self.record.begin_ns = self._clock.now_ns + WARM_NS
        self._plan_steps()
        self._plan_clients(
            Clients(
                self._clock,
                self.record,
                self._workers,
                scenario.seed,
                Ways(self._clock, scenario, work, self._overhead_ns(folder)),
            )
        )

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
            if self.record.is_quiet and self.auditor.is_drained:
                break
            self._clock.run(self._clock.now_ns + NS_PER_S)
        self.auditor.end(hung=any(model.hangs for _, model in self._models.values()))

    def _described(
        self, folder: Path
    ) -> Iterator[tuple[tuple[str, str], tuple[declared.Deployment, Model]]]:
        for number, endpoint in enumerate(self.scenario.endpoints):
            for place, one in enumerate(endpoint.deployments):
                at = f"$.endpoints[{number}].deployments[{place}].latency"
                rng = generator(self.scenario.seed, "run", endpoint.name, one.name)
                errors = generator(self.scenario.seed, "errors", endpoint.name, one.name)
                yield (
                    (endpoint.name, one.name),
                    (
                        one,
                        Model(
                            latencies(one.latency, rng, folder, at),
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
            at_ns = self._begin_ns + round(step.at_s * NS_PER_S)
            self._clock.at(at_ns, self._step, (number + 1, step.endpoint or first, found))

    def _overhead_ns(self, folder: Path) -> Draw | None:
        overhead = self.scenario.overhead
        if overhead is None:
            return None
        return latencies(overhead, generator(self.scenario.seed, "overhead"), folder, "$.overhead")

    def _measured(self, folder: Path) -> Iterator[tuple[Place, list[int]]]:
        for number, endpoint in enumerate(self.scenario.endpoints):
            for place, one in enumerate(endpoint.deployments):
                if one.measured_latencies is not None:
                    at = f"$.endpoints[{number}].deployments[{place}].measured_latencies"
                    times_ns = sorted(measured(folder / one.measured_latencies, at))
                    yield (endpoint.name, one.name), times_ns

    def _plan_clients(self, clients: Clients) -> None:
        for client in self.scenario.clients:
            endpoint = client.endpoint or self.scenario.endpoints[0].name
            clients.plan(client, endpoint, self._end_ns)

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
            self.record.faults.append((self._clock.now_ns, found.words))
            inflict(endpoint, found, models, self._fleet)


def _actions_per_s_max(scenario: declared.Scenario) -> int:
    """More than any second of the scenario can hold, if time passes."""
    open_loops = [client.arrivals for client in scenario.clients if client.arrivals is not None]
    requests = sum(max(one.per_s, one.peak_per_s or 0) * one.group for one in open_loops)
    fastest_ms = 2 * scenario.message_us / NS_PER_US
    requests += sum(
        client.loop.clients * 1000 / max(client.loop.think_ms + fastest_ms, LOOP_MS_MIN)
        for client in scenario.clients
        if client.loop is not None
    )
    return ACTIONS_PER_S_MAX + ACTIONS_PER_REQUEST_MAX * math.ceil(requests)
