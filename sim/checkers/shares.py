"""Invariants 3, 4 and 7: exact splits and mirrors, of what each worker's schedules dealt."""

from sim.checkers.broken import Broken, Place, Rules

BLOCK = 100
Shares = tuple[tuple[str, int], ...]


class _Dealt:
    """What one schedule has dealt so far."""

    def __init__(self, shares: Shares) -> None:
        self.shares = shares
        self.count = 0
        self.by_name = dict.fromkeys((name for name, _ in shares), 0)
        # Less than 1 with two deployments, less than k - 1 with k, in hundredths.
        self._bound = BLOCK * max(len(shares) - 1, 1)
        # One of two is off by as much as the other, and one alone by nothing.
        self._checked = shares[:-1] if len(shares) <= 2 else shares  # noqa: PLR2004

    def deal(self, invariant: int, number: int, name: str, who: str) -> None:
        """Request ``number`` went to ``name``."""
        if name not in self.by_name:
            raise Broken(invariant, f"{who}: request {number} went to {name}, of {self.shares}")
        self.count += 1
        self.by_name[name] += 1
        at_border = self.count % BLOCK == 0
        for one, percent in self._checked:
            off = BLOCK * self.by_name[one] - percent * self.count
            if off and (at_border or not -self._bound < off < self._bound):
                raise Broken(
                    invariant,
                    f"{who}: {one or 'nobody'} has {self.by_name[one]} of {self.count} at "
                    f"{percent} %, with request {number}",
                )


class ShareChecker:
    """Counts again what each schedule deals, from the percents that each worker has in force."""

    def __init__(self) -> None:
        self._published: dict[int, Rules] = {}
        self._live: dict[tuple[int, str], _Dealt] = {}
        self._mirror: dict[tuple[int, str], _Dealt] = {}
        # Of requests whose copies have not been sent, the shadow; and by it and the worker.
        self._copied: dict[int, Place] = {}
        self._unsent: dict[tuple[int, Place], set[int]] = {}
        # Copies that found no room when they were to be made.
        self._lost: dict[tuple[int, Place], int] = {}

    def on_published(self, generation: int, rules: Rules) -> None:
        """To be had when a worker swaps to it."""
        self._published[generation] = rules

    def on_returned(self, generation: int) -> None:
        """No worker swaps to older ones any more."""
        self._published = {n: rules for n, rules in self._published.items() if n > generation}

    def on_swapped(self, worker: int, generation: int) -> None:
        """A schedule goes on where its percents did not change; else another begins."""
        rules = self._published[generation]
        for name, endpoint in rules.items():
            live = tuple(sorted(share for share in endpoint.traffic if share[1]))
            _follow(self._live, (worker, name), live)
            mirrored = tuple(
                share
                for one, percent in endpoint.mirror
                if percent
                for share in ((one, percent), ("", BLOCK - percent))
            )
            _follow(self._mirror, (worker, name), mirrored)
        for dealt in self._live, self._mirror:
            for key in [key for key in dealt if key[0] == worker and key[1] not in rules]:
                del dealt[key]
        there = {(name, one) for name, endpoint in rules.items() for one in endpoint.deployments}
        for books in self._unsent, self._lost:
            # One that is created again has no copies yet.
            for gone in [key for key in books if key[0] == worker and key[1] not in there]:
                del books[gone]

    def on_dealt(self, worker: int, number: int, endpoint: str, deployment: str) -> None:
        """3: a live request had its turn, whether there was room for it or not."""
        dealt = self._live.get((worker, endpoint))
        if dealt is None:
            raise Broken(
                3, f"the live request {number} of {endpoint} went to {deployment} without traffic"
            )
        dealt.deal(3, number, deployment, f"worker {worker}, {endpoint}")

    def on_mirrored(
        self, worker: int, number: int, endpoint: str, pinned: str | None, picked: int, copied: int
    ) -> Place | None:
        """4: a live request was mirrored or not; 7: a direct one never is.

        Args:
            copied: whether a copy waits to be sent; one that was picked may be lost at once.

        Returns:
            The shadow.
        """
        if pinned is not None:
            if picked:
                raise Broken(7, f"the direct request {number} was mirrored")
            return None
        dealt = self._mirror.get((worker, endpoint))
        if dealt is None or picked not in (0, 1):
            raise Broken(4, f"request {number} was mirrored {picked} times")
        place = endpoint, dealt.shares[0][0]
        who = f"worker {worker}, mirror of {endpoint}"
        dealt.deal(4, number, place[1] if picked else "", who)
        if copied:
            self._copied[number] = place
            self._unsent.setdefault((worker, place), set()).add(number)
        elif picked:
            self._lost[worker, place] = self._lost.get((worker, place), 0) + 1
        return place

    def on_copies_sent(
        self, worker: int, place: Place, instance: str, numbers: list[int]
    ) -> None:  # fmt: skip
        """4: one copy of each request that is to be copied, to the shadow; they are below 0."""
        for number in numbers:
            if number > 0:
                continue
            shadow = self._copied.pop(-number, None)
            if shadow is None:
                raise Broken(
                    4, f"worker {worker} sent a copy of request {-number}, which was not its turn"
                )
            if shadow != place:
                raise Broken(
                    4, f"the copy of request {-number} for {shadow[1]} was sent to {instance}"
                )
            if (unsent := self._unsent.get((worker, shadow))) is not None:
                unsent.discard(-number)

    def on_gauged(self, worker: int, place: Place, copies: int, lost: int) -> None:
        """4, 5: a copy is sent, or waits, or is counted as lost.

        Args:
            copies, lost: how many wait or are out, and were lost until now, as the worker says.
        """
        unsent = self._unsent.get((worker, place), ())
        if len(unsent) > copies + lost - self._lost.get((worker, place), 0):
            raise Broken(
                4,
                f"copies of {sorted(unsent)[:10]} for {place[1]} were neither sent nor lost, and "
                f"{copies} wait",
            )


def _follow(dealt: dict[tuple[int, str], _Dealt], key: tuple[int, str], shares: Shares) -> None:
    if not shares:
        dealt.pop(key, None)
    elif key not in dealt or dealt[key].shares != shares:
        dealt[key] = _Dealt(shares)
