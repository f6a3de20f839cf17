"""Invariant 11: what was acknowledged survives `kill -9` of the control plane at any instant.

A control plane (lives.py) is told random changes and killed at random instants, during its
start as well, or between two statements of the store, which time alone would seldom hit. Each
next life is compared with a model of what was acknowledged. Of the one change that was under
way, all may be there or nothing.
TURNOUT_KILLS sets how often (150).
"""

import copy
import json
import os
import random
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

KILLS = int(os.environ.get("TURNOUT_KILLS", "150"))
SEED = int(os.environ.get("SEED", "1"))
LIMIT_S = 30
# Of one change and the operation that it begins.
STATEMENTS_MAX = 6
NAMES = ("first-endpoint", "second-endpoint")
CHANGES = (
    "put endpoint", "put endpoint", "put deployment", "put deployment", "delete endpoint",
    "delete deployment", "regenerate key", "declare", "put asset",
)  # fmt: skip
UP = "Succeeded"

Change = dict[str, Any]


class Model:
    """What must be there: every change that was acknowledged, and no other."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Any] = {}
        self.assets: list[str] = []

    @property
    def state(self) -> dict[str, Any]:
        return {"endpoints": self.endpoints, "assets": self.assets}

    def after(self, change: Change, key: object = None) -> "Model":
        """The model with the change carried out, which the rules allow."""
        new = copy.deepcopy(self)
        new._carry_out(change, key)
        return new

    def matches(self, found: dict[str, Any]) -> bool:
        """Whether this is what was found, but for keys that nobody was told yet."""
        expected = copy.deepcopy(self.state)
        for name, endpoint in expected["endpoints"].items():
            if endpoint["key"] is None and name in found["endpoints"]:
                endpoint["key"] = found["endpoints"][name]["key"]
        return expected == {"endpoints": found["endpoints"], "assets": found["assets"]}

    def _carry_out(self, change: Change, key: object) -> None:
        name, n = change["endpoint"], change["n"]
        endpoint = self.endpoints.get(name)
        if change["do"] == "put asset":
            self.assets.append(n)
        elif change["do"] == "put endpoint":
            new = {"key": key, "state": UP, "declared": None, "deployments": {}}
            self.endpoints[name] = {**(endpoint or new), "tag": n, "traffic": change["traffic"]}
        elif change["do"] == "delete endpoint":
            self.endpoints.pop(name, None)
        elif endpoint is None:
            assert change["do"] == "delete deployment"
        elif change["do"] == "regenerate key":
            endpoint["key"] = n
        elif change["do"] == "declare":
            endpoint["declared"] = n
        elif change["do"] == "put deployment":
            endpoint["deployments"][change["deployment"]] = [n, UP]
        else:
            endpoint["deployments"].pop(change["deployment"], None)

    def random_change(self, rng: random.Random, number: int) -> Change:
        """One that the rules allow in this state."""
        while True:
            name, n = rng.choice(NAMES), f"number-{number:010}"
            what, deployment = rng.choice(CHANGES), rng.choice(("blue", "green"))
            endpoint = self.endpoints.get(name)
            deployments = sorted(endpoint["deployments"]) if endpoint else []
            traffic = {rng.choice(deployments): 100} if deployments and rng.random() < 0.5 else {}
            needs_endpoint = what not in {"put endpoint", "put asset", "delete endpoint"}
            is_live = endpoint is not None and deployment in endpoint["traffic"]
            if (endpoint or not needs_endpoint) and not (is_live and what == "delete deployment"):
                return {
                    "do": what, "endpoint": name, "deployment": deployment, "traffic": traffic,
                    "n": n,
                }  # fmt: skip


class Life:
    """One life of the control plane, held by its pidfd."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LIMIT_S)
        self._socket.connect(path)
        self._file = self._socket.makefile("r")
        self._pidfd = os.pidfd_open(int(self._file.readline()))

    def tell(self, what: object) -> None:
        self._socket.sendall(json.dumps(what).encode() + b"\n")

    def hear(self) -> Any:
        line = self._file.readline()
        assert line, "the control plane ended by itself"
        return json.loads(line)

    def kill(self, delay_s: float = 0.0) -> Any:
        """Ends it after a while; what it had said by then."""
        select.select([self._pidfd], [], [], delay_s)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        assert select.select([self._pidfd], [], [], LIMIT_S)[0]
        os.close(self._pidfd)
        try:
            line = self._file.readline()
        except ConnectionResetError:
            # It had not read all that it was told.
            line = ""
        self._file.close()
        self._socket.close()
        return json.loads(line) if line.endswith("\n") else None


@contextmanager
def lives(folder: Path) -> Iterator[str]:
    """The socket at which lives begin."""
    path = str(folder / "lives.sock")
    command = [sys.executable, "-m", "tests.control_plane.lives", str(folder / "state"), path]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n", (folder / "log").read_text()
        yield path
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert (folder / "log").read_text() == ""


class Story:
    """Many lives, and the model beside them."""

    def __init__(self, path: str, rng: random.Random) -> None:
        self._path = path
        self._rng = rng
        self._model = Model()
        self._number = 0
        self._under_way: Change | None = None
        self._accepted: deque[str] = deque(maxlen=20)
        # How long things take here, so that kills fall into them.
        self._start_s, self._change_s = deque([0.02], maxlen=50), deque([0.005], maxlen=50)
        self.kept, self.dropped = 0, 0

    def live_and_die(self) -> None:
        life = Life(self._path)
        began = _now_s()
        life.tell(list(self._accepted))
        if self._rng.random() < 0.2:
            life.kill(self._rng.uniform(0, statistics.median(self._start_s)))
            return
        self._compare(life.hear())
        self._start_s.append(_now_s() - began)
        for _ in range(self._rng.randrange(4)):
            began = _now_s()
            self._begin(life)
            self._on_answer(life.hear())
            self._change_s.append(_now_s() - began)
        dies_at = self._rng.choice((0, *range(1, STATEMENTS_MAX + 1)))
        self._begin(life, dies_at)
        limit_s = self._rng.uniform(0, 2) * statistics.median(self._change_s)
        # It kills itself, if it comes so far.
        if answer := life.kill(limit_s):
            self._on_answer(answer)

    def _begin(self, life: Life, dies_at: int = 0) -> None:
        self._number += 1
        self._under_way = self._model.random_change(self._rng, self._number)
        life.tell(self._under_way | {"dies_at": dies_at})

    def _on_answer(self, answer: dict[str, Any]) -> None:
        change, self._under_way = self._under_way, None
        assert change is not None
        if "refused" in answer:
            assert answer["refused"] == "Conflict", (change, answer)
            return
        is_id = change["do"] in {"put deployment", "delete endpoint", "delete deployment"}
        self._model = self._model.after(change, None if is_id else answer["done"])
        if is_id and answer["done"] is not None:
            self._accepted.append(answer["done"])

    def _compare(self, found: dict[str, Any]) -> None:
        assert found["operations"] == [UP] * len(self._accepted), "each is gone on with"
        change, self._under_way = self._under_way, None
        if change is not None:
            carried_out = self._model.after(change)
            if carried_out.matches(found) and not self._model.matches(found):
                self._model = carried_out
                self.kept += 1
            else:
                self.dropped += 1
        assert self._model.matches(found), (SEED, change, self._model.state, found)
        for name, endpoint in self._model.endpoints.items():
            endpoint["key"] = found["endpoints"][name]["key"]


def _now_s() -> float:
    return time.monotonic()


@pytest.mark.timeout(max(120, KILLS))
def test_invariant_11_what_was_acknowledged_survives_hundreds_of_kills(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text("def init(): pass\ndef run(raw): return 'ok'\n")
    with lives(folder) as path:
        story = Story(path, random.Random(SEED))
        for _ in range(KILLS):
            story.live_and_die()
    # Else the kills came too early, or too late, to show anything.
    assert story.kept
    assert story.dropped
