"""Invariants 1, 2, 6 and 7: which rules a request may have been routed by."""

from sim.checkers.broken import Broken, EndpointRules, Rules

TRAFFIC_SUM, MIRROR_MAX = 100, 50


class SwapChecker:
    """Keeps the rules that each worker has, and looks whether they are new enough.

    Attributes:
        is_swapping: whether a worker is about it.
    """

    def __init__(self) -> None:
        self._published: dict[int, Rules] = {}
        self._newest = 0
        self._of_worker: dict[int, int] = {}
        self._rules_of_worker: dict[int, Rules] = {}
        # Who may get live requests, and who may be named.
        self._live_of_worker: dict[int, dict[str, set[str]]] = {}
        self._named_of_worker: dict[int, dict[str, set[str]]] = {}
        self.is_swapping = False

    def on_published(self, generation: int, rules: Rules) -> None:
        """6: rules that are published are whole; 1: generations grow by one."""
        if generation != self._newest + 1:
            raise Broken(1, f"generation {generation} follows {self._newest}")
        for name, endpoint in rules.items():
            _check_rules(name, endpoint)
        self._published[generation] = rules
        self._newest = generation

    def on_returned(self, generation: int) -> None:
        """1: from now on nothing older may route, in any worker."""
        for worker, newest in self._of_worker.items():
            if newest < generation:
                raise Broken(1, f"worker {worker} routes by {newest} after {generation} returned")
        self._published = {n: rules for n, rules in self._published.items() if n > generation}

    def on_swapping(self, worker: int, generation: int) -> None:
        """1: a worker's generation never falls."""
        if generation <= self._of_worker.get(worker, -1):
            raise Broken(1, f"worker {worker} went back to generation {generation}")
        self.is_swapping = True

    def on_swapped(self, worker: int, generation: int) -> None:
        """The swap is done."""
        self._of_worker[worker] = generation
        rules = self._rules_of_worker[worker] = self._published[generation]
        self._live_of_worker[worker] = {
            name: {one for one, percent in endpoint.traffic if percent}
            for name, endpoint in rules.items()
        }
        self._named_of_worker[worker] = {
            name: set(endpoint.deployments) for name, endpoint in rules.items()
        }
        self.is_swapping = False

    def on_sent(self, worker: int, instance: str, numbers: list[int]) -> None:
        """2: a swap moves no traffic; it only asks to be called again. Called while it does."""
        raise Broken(2, f"worker {worker} sent {numbers} to {instance} while it swapped")

    def on_taken(
        self, worker: int, number: int, endpoint: str, pinned: str | None, deployment: str
    ) -> None:
        """1: routed by the rules that the worker has; 7: a direct call reaches whom it named."""
        if pinned is not None and pinned != deployment:
            raise Broken(7, f"request {number} named {pinned} and went to {deployment}")
        allowed = self._live_of_worker if pinned is None else self._named_of_worker
        if deployment not in allowed[worker].get(endpoint, ()):
            raise Broken(
                1,
                f"worker {worker} sent request {number} to {deployment}, which the rules of "
                f"generation {self._of_worker[worker]} do not allow: "
                f"{self._rules_of_worker[worker].get(endpoint)}",
            )

    def on_refused(
        self, worker: int, number: int, endpoint: str, pinned: str | None, reason: str
    ) -> None:
        """1, 7: nobody is turned away whom the rules that the worker has let in."""
        rules = self._rules_of_worker[worker].get(endpoint)
        if rules is None:
            return
        has_traffic = any(percent for _, percent in rules.traffic)
        if reason == "unauthorized" or (reason == "no_traffic" and (pinned or has_traffic)):
            raise Broken(1, f"request {number} was refused ({reason}) by {rules}")
        if reason == "unknown_deployment" and (pinned is None or pinned in rules.deployments):
            raise Broken(7, f"request {number} named {pinned} and was refused ({reason})")

    def on_operation_refused(self, before: object, after: object) -> None:
        """6: a refused operation changes nothing."""
        if before != after:
            raise Broken(6, f"a refused operation changed {before!r} to {after!r}")


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
