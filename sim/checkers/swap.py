"""Invariants 1, 2, 6 and 7: which rules a request may have been routed by."""

from sim.checkers.broken import Broken, EndpointRules, Rules

TRAFFIC_SUM, MIRROR_MAX = 100, 50


class SwapChecker:
    """Keeps the rules that may be in force: the last that an operation returned with, or later."""

    def __init__(self) -> None:
        self._published: list[tuple[int, Rules]] = []
        self._of_worker: dict[int, int] = {}
        self._swapping: int | None = None

    def on_published(self, generation: int, rules: Rules) -> None:
        """6: rules that are published are whole; 1: generations grow by one."""
        if self._published and generation != self._published[-1][0] + 1:
            raise Broken(1, f"generation {generation} follows {self._published[-1][0]}")
        for name, endpoint in rules.items():
            _check_rules(name, endpoint)
        self._published.append((generation, rules))

    def on_returned(self, generation: int) -> None:
        """1: from now on nothing older may route, in any worker."""
        for worker, newest in self._of_worker.items():
            if newest < generation:
                raise Broken(1, f"worker {worker} routes by {newest} after {generation} returned")
        self._published = [one for one in self._published if one[0] >= generation]

    def on_swapping(self, worker: int, generation: int) -> None:
        """1: a worker's generation never falls."""
        if generation <= self._of_worker.get(worker, -1):
            raise Broken(1, f"worker {worker} went back to generation {generation}")
        self._swapping = worker

    def on_swapped(self, worker: int, generation: int) -> None:
        """The swap is done."""
        self._of_worker[worker] = generation
        self._swapping = None

    def on_sent(self, worker: int, instance: str, count: int) -> None:
        """2: a swap moves no traffic; it only asks to be called again."""
        if self._swapping is not None:
            raise Broken(2, f"worker {worker} sent {count} requests to {instance} while it swapped")

    def on_taken(
        self, worker: int, number: int, endpoint: str, pinned: str | None, deployment: str
    ) -> None:
        """1: routed by rules that may be in force; 7: a direct call reaches whom it named."""
        if pinned is not None and pinned != deployment:
            raise Broken(7, f"request {number} named {pinned} and went to {deployment}")
        for _, rules in self._published:
            found = rules.get(endpoint)
            if found is None:
                continue
            if pinned is not None:
                if deployment in found.deployments:
                    return
            elif dict(found.traffic).get(deployment, 0) > 0:
                return
        raise Broken(
            1,
            f"worker {worker} sent request {number} to {deployment}, which no rules in force "
            f"allow: {[rules.get(endpoint) for _, rules in self._published]}",
        )

    def on_operation_refused(self, before: bytes, after: bytes) -> None:
        """6: a refused operation changes nothing."""
        if before != after:
            raise Broken(6, f"a refused operation changed {before!r} to {after!r}")

    def on_restarted(self, before: bytes, after: bytes) -> None:
        """11: what was acknowledged survives the control plane."""
        if before != after:
            raise Broken(11, f"a restart of the control plane changed {before!r} to {after!r}")


def _check_rules(name: str, rules: EndpointRules) -> None:
    live = {n: p for n, p in rules.traffic if p}
    mirrored = {n: p for n, p in rules.mirror if p}
    if sum(live.values()) not in (0, TRAFFIC_SUM) or min(live.values(), default=0) < 0:
        raise Broken(6, f"traffic of {name} is {live}")
    if len(mirrored) > 1 or max(mirrored.values(), default=0) > MIRROR_MAX:
        raise Broken(6, f"mirrored traffic of {name} is {mirrored}")
    if both := live.keys() & mirrored.keys():
        raise Broken(6, f"{both} of {name} has live and mirrored traffic")
    if missing := (live.keys() | mirrored.keys()) - rules.deployments.keys():
        raise Broken(6, f"rules of {name} name {missing}, which is not there")
