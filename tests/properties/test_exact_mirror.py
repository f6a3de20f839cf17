"""Invariants 4 and 5: exact mirror, and mirror never matters."""

from hypothesis import given
from hypothesis import strategies as st

from router.core.lane import BATCH_BYTES_MAX, COPIES_GATHERED, LARGE_BYTES_MIN
from tests.shell import TICK_NS, Asked, Shell, blocks, deployment, endpoint

seeds = st.integers(0, 2**32)


def mirrored(shell: Shell, percent: int, *, shadow_concurrency: int = 1000) -> None:
    shell.swap(
        endpoint(
            deployment("blue"),
            deployment("green", concurrency=shadow_concurrency),
            traffic={"blue": 100},
            mirror_traffic={"green": percent} if percent else {},
        )
    )


def measure_shadow(shell: Shell) -> None:
    """Its window opens: run() is fast."""
    shell.ask("green")
    shell.pump()
    shell.answer("green-0")


def copies(shell: Shell) -> int:
    (found,) = shell.dispatcher.statistics().endpoints
    return next(d.copies for d in found.deployments if d.name == "green")


@given(st.integers(1, 50), seeds)
def test_4_every_aligned_block_of_100_live_requests_is_copied_exactly_to_its_percent(
    percent: int, seed: int
) -> None:
    shell = Shell(seed)
    mirrored(shell, percent)
    for block in range(1, 4):
        for _ in range(100):
            shell.ask()
            shell.serve_all()
        assert copies(shell) == block * percent


@given(seeds)
def test_4_twenty_calls_at_10_percent_give_exactly_2_copies(seed: int) -> None:
    shell = Shell(seed)
    mirrored(shell, 10)
    for _ in range(20):
        shell.ask()
        shell.serve_all()
    assert copies(shell) == 2


@given(st.integers(1, 99), st.integers(1, 50), seeds)
def test_4_the_mirror_has_a_schedule_of_its_own_beside_the_live_pick(
    green: int, percent: int, seed: int
) -> None:
    """Both are exact at once, so neither draws from the other's block."""
    shell = Shell(seed)
    routes = [deployment(name) for name in ("blue", "green", "shadow")]
    shell.swap(
        endpoint(
            *routes,
            traffic={"blue": 100 - green, "green": green},
            mirror_traffic={"shadow": percent},
        )
    )
    served = []
    for _ in range(200):
        served.append(shell.served_by(shell.ask()) or "")
        shell.serve_all()
    assert [block.count("green") for block in blocks(served)] == [green, green]
    (found,) = shell.dispatcher.statistics().endpoints
    assert found.deployments[2].copies == 2 * percent


steps = st.lists(
    st.sampled_from(["ask", "ask", "ask", "blue answers", "time passes", "pump"]), max_size=60
)
shadow_behaviours = st.lists(
    st.sampled_from(["nothing", "answers", "fails", "garbage", "dies", "returns"]), max_size=60
)


def play(
    shell: Shell, script: list[str], shadow: list[str]
) -> list[tuple[str | None, list[object], list[str]]]:
    """Plays the script with the shadow behaving as told; returns what live clients saw."""
    live: list[Asked] = []
    for index, step in enumerate(script):
        match step:
            case "ask":
                live.append(shell.ask())
            case "blue answers":
                shell.answer("blue-0", 1)
            case "time passes":
                shell.pass_time(700_000_000)
            case "pump":
                shell.pump()
        match shadow[index] if index < len(shadow) else "nothing":
            case "answers":
                shell.answer("green-0")
            case "fails":
                shell.answer("green-0", status=500)
            case "garbage":
                for sent in shell.at.get("green-0", []):
                    sent.id += 10_000
                shell.answer("green-0")
            case "dies":
                shell.lose("green-0")
            case "returns":
                shell.dispatcher.on_instance_found("green-0")
    return [
        (
            shell.served_by(asked),
            [(answer.status, answer.payload) for answer in asked.answers],
            [refusal.reason.name for refusal in asked.refusals],
        )
        for asked in live
    ]


@given(steps, shadow_behaviours, st.integers(1, 50), st.integers(1, 4), seeds)
def test_5_whatever_the_shadow_does_live_answers_are_those_without_a_mirror(
    script: list[str], shadow: list[str], percent: int, concurrency: int, seed: int
) -> None:
    with_mirror, without = Shell(seed), Shell(seed)
    mirrored(with_mirror, percent, shadow_concurrency=concurrency)
    mirrored(without, 0)
    assert play(with_mirror, script, shadow) == play(without, script, [])


@given(st.integers(1, 5), seeds)
def test_5_a_stuck_shadow_loses_copies_counted_and_never_queues_more_than_its_limit(
    concurrency: int, seed: int
) -> None:
    shell = Shell(seed)
    mirrored(shell, 50, shadow_concurrency=concurrency)
    for _ in range(100):
        shell.ask()
        shell.pump()
        shell.answer("blue-0")
    (found,) = shell.dispatcher.statistics().endpoints
    green = found.deployments[1]
    assert green.copies == green.queued + green.outstanding == 2 * concurrency
    assert green.copies + green.copies_lost == 50


@given(st.integers(5, 20), seeds)
def test_5_copies_that_were_answered_make_room_for_others(concurrency: int, seed: int) -> None:
    shell = Shell(seed)
    mirrored(shell, 50, shadow_concurrency=concurrency)
    for _ in range(200):
        shell.ask()
        shell.pass_time(TICK_NS)
        shell.serve_all()
    (found,) = shell.dispatcher.statistics().endpoints
    green = found.deployments[1]
    assert (green.copies, green.copies_lost) == (100, 0)


def test_5_a_copy_is_never_sent_again_when_its_instance_is_lost() -> None:
    shell = Shell()
    mirrored(shell, 50)
    shell.ask()
    shell.ask()
    shell.pass_time(TICK_NS)
    shell.pump()
    assert len(shell.at["green-0"]) == 1
    shell.lose("green-0")
    shell.dispatcher.on_instance_found("green-0")
    shell.pump()
    assert not shell.at.get("green-0")


@given(st.integers(1, 3 * COPIES_GATHERED), seeds)
def test_5_copies_gather_for_one_message_and_none_waits_longer_than_a_tick(
    live: int, seed: int
) -> None:
    shell = Shell(seed)
    mirrored(shell, 50)
    measure_shadow(shell)
    for _ in range(live):
        shell.ask()
        shell.pump()
    made = copies(shell)
    assert len(shell.at.get("green-0", [])) == made - made % COPIES_GATHERED
    shell.answer("green-0")
    shell.pump()
    assert not shell.at.get("green-0"), "an answer sends no few that gather"
    shell.pass_time(TICK_NS)
    shell.pump()
    assert len(shell.at.get("green-0", [])) == made % COPIES_GATHERED


def test_5_copies_that_had_no_room_are_sent_when_there_is_some_without_another_request() -> None:
    shell = Shell()
    mirrored(shell, 50, shadow_concurrency=1)
    for _ in range(4):
        shell.ask()
        shell.pass_time(TICK_NS)
        shell.pump()
    assert len(shell.at["green-0"]) == 1
    shell.answer("green-0")
    shell.pass_time(TICK_NS)
    shell.pump()
    assert len(shell.at["green-0"]) == 1


def test_5_a_direct_request_takes_the_copies_before_it_along_and_waits_for_no_tick() -> None:
    shell = Shell()
    mirrored(shell, 50)
    measure_shadow(shell)
    shell.ask()
    shell.ask()
    shell.ask("green")
    shell.pump()
    assert len(shell.at["green-0"]) == 2


def test_5_copies_that_would_soon_be_overdue_are_sent_at_once() -> None:
    shell = Shell()
    shell.swap(
        endpoint(
            deployment("blue"),
            deployment("green", timeout_ms=50),
            traffic={"blue": 100},
            mirror_traffic={"green": 50},
        )
    )
    shell.ask()
    shell.ask()
    shell.pump()
    assert len(shell.at["green-0"]) == 1


def test_messages_are_of_bounded_size_and_a_large_body_travels_alone() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue"), traffic={"blue": 100}))
    found = shell.dispatcher.snapshot.endpoints["my-endpoint"]
    lane = found.deployments["blue"].lane
    twentieth = BATCH_BYTES_MAX // 20
    assert twentieth < LARGE_BYTES_MIN
    for size_bytes in [twentieth] * 22 + [LARGE_BYTES_MIN] * 2 + [twentieth]:
        shell.ask(payload=bytes(size_bytes))
    assert [len(lane.take_batch(100)) for _ in range(5)] == [20, 2, 1, 1, 1]
