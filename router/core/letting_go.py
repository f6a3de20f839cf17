"""Which instances go when a deployment is to have fewer."""

from collections.abc import Collection, Mapping, Sequence


def instances_to_let_go(
    instances: Sequence[str], ready: Collection[str], outstanding: Mapping[str, int], count: int
) -> list[str]:
    """Those that will be missed least: first who serves nobody, then the least loaded.

    Args:
        instances: their ids, the oldest first. Of equals the newest goes: who has run longer
            has proven more.
        ready: those that get requests.
        outstanding: how many requests each holds, in all workers.
        count: how many are to go.
    """
    newest_first = reversed(instances)
    by_worth = sorted(newest_first, key=lambda id_: (id_ in ready, outstanding.get(id_, 0)))
    return by_worth[: max(count, 0)]
