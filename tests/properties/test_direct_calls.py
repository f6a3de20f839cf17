"""Invariant 7: direct calls reach their deployment, count in no schedule, are never mirrored."""

from hypothesis import given
from hypothesis import strategies as st

from tests.shell import Shell, deployment, endpoint

NAMES = ["blue", "green", "shadow", "idle"]
seeds = st.integers(0, 2**32)
calls = st.lists(st.sampled_from([None, *NAMES]), min_size=1, max_size=150)


def prepared(seed: int) -> Shell:
    shell = Shell(seed)
    shell.swap(
        endpoint(
            *(deployment(name) for name in NAMES),
            traffic={"blue": 70, "green": 30},
            mirror_traffic={"shadow": 40},
        )
    )
    return shell


@given(calls, seeds)
def test_7_a_direct_call_reaches_the_deployment_it_names_whatever_the_traffic(
    script: list[str | None], seed: int
) -> None:
    shell = prepared(seed)
    for pinned in script:
        asked = shell.ask(pinned)
        shell.serve_all()
        if pinned is not None:
            assert shell.served_by(asked) == pinned
        assert asked.told == 1


@given(calls, seeds)
def test_7_direct_calls_move_neither_the_split_nor_the_mirror(
    script: list[str | None], seed: int
) -> None:
    """The live requests of a mixed script are served and copied as if they were alone."""
    mixed, alone = prepared(seed), prepared(seed)
    served_mixed, served_alone = [], []
    for pinned in script:
        asked = mixed.ask(pinned)
        mixed.serve_all()
        if pinned is None:
            served_mixed.append(mixed.served_by(asked))
            served_alone.append(alone.served_by(alone.ask()))
            alone.serve_all()
    assert served_mixed == served_alone
    (in_mixed,) = mixed.dispatcher.statistics().endpoints
    (in_alone,) = alone.dispatcher.statistics().endpoints
    assert in_mixed.scheduled == in_alone.scheduled == len(served_alone)
    assert in_mixed.deployments[2].copies == in_alone.deployments[2].copies


@given(st.integers(1, 100), seeds)
def test_7_direct_calls_are_never_mirrored(count: int, seed: int) -> None:
    shell = prepared(seed)
    for _ in range(count):
        shell.ask("blue")
        shell.serve_all()
    (found,) = shell.dispatcher.statistics().endpoints
    assert found.mirror_considered == 0
    assert [(d.name, d.direct, d.copies) for d in found.deployments] == [
        ("blue", count, 0), ("green", 0, 0), ("shadow", 0, 0), ("idle", 0, 0)
    ]  # fmt: skip


def test_7_a_direct_call_to_a_missing_deployment_is_refused_and_counts_in_no_schedule() -> None:
    shell = prepared(0)
    asked = shell.ask("purple")
    assert [r.message for r in asked.refusals] == [
        "expected in the header azureml-model-deployment a deployment of endpoint 'my-endpoint' "
        "(blue, green, idle, shadow), got 'purple'."
    ]
    (found,) = shell.dispatcher.statistics().endpoints
    assert found.scheduled == 0
