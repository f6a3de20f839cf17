"""The article's rollout through the command line: real daemon, processes, clients, load.

Every request of the load must be answered by a model, also while a step changes; after
each step the share of 500 live requests is exact. The worker's journal of all that, decided
anew, is the same.
"""

import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from router.testing import Load, Turnout
from sim.replay.report import replay
from tests.e2e.harness import EXAMPLES, TURNOUT

SAMPLE = 500
DIRECT_CALLS = 50
BODY = EXAMPLES / "sample-request.json"
LOAD = Load(body=BODY, requests=SAMPLE)


def roll_out(turnout: Turnout) -> Counter[str]:
    """The whole rollout, each step under load; returns how many requests each has answered."""
    endpoint = turnout.endpoint("my-endpoint", EXAMPLES / "endpoint.yml")
    endpoint.deploy(EXAMPLES / "blue-deployment.yml", all_traffic=True)
    rollout = endpoint.roll_out(
        [{"instance_count": "blue=2"}, {"create": "green"}],
        LOAD,
        create=[EXAMPLES / "green-deployment.yml"],
    )
    direct = Counter(endpoint.score(BODY, "green").deployment for _ in range(DIRECT_CALLS))
    assert direct == {"green": DIRECT_CALLS}

    rest: list[dict[str, object]] = [
        {"mirror_traffic": "green=10"},
        {"mirror_traffic": "green=0"},
        {"traffic": "blue=90 green=10"},
        {"traffic": "blue=0 green=100"},
        {"delete": "blue"},
    ]
    rollout.steps += endpoint.roll_out(rest, LOAD).steps
    rollout.assert_none_failed()
    assert [dict(step.after.shares) for step in rollout] == [
        {"blue": 500},
        {"blue": 500},
        {"blue": 500},
        {"blue": 500},
        {"blue": 450, "green": 50},
        {"green": 500},
        {"green": 500},
    ]
    assert [dict(step.copies) for step in rollout if step.copies] == [{"green": 50}]
    assert all(step.during.sent for step in rollout)
    return rollout.shares + Counter(green=DIRECT_CALLS)


def test_a_rollout_under_load_fails_no_request_and_every_share_is_exact() -> None:
    # Of its own, for journals are read when the daemon has ended; and short, for its sockets.
    with tempfile.TemporaryDirectory(prefix="t-") as state:
        with Turnout({"state_dir": state, "data_plane": {"journal": True}}) as turnout:
            served = roll_out(turnout)
            turnout.run("ml online-endpoint delete --name my-endpoint --yes")
            assert json.loads(turnout.run("ml online-endpoint list")) == []
        (replayed,) = (replay(path) for path in Path(state).glob("journals/*"))
    assert replayed.difference is None
    assert replayed.is_whole
    assert {one.deployment: one.live + one.direct for one in replayed.served} == served


def test_the_demo_runs_to_its_end_with_every_share_exact() -> None:
    done = subprocess.run(
        [TURNOUT, "demo"], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none failed, every share exact" in done.stdout
