"""Azure's unmodified SDK runs the whole rollout against `turnout serve` (azure.md 1.4, 8.4).

After each step a plain HTTP client says which version answers: the SDK itself can't, since
after one call to a named deployment it sends all later calls there (azure.md 1.4).
"""

import json
import os
import re
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.e2e.harness import TURNOUT, Daemon

# As sdk_steps.py names it, which imports too much to be imported here.
ENDPOINT = "sdk-endpoint"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
STEP_LIMIT_S = 60
SAMPLE = 20
OK = 200
SCRIPT = """
import logging, os, pathlib
def init():
    global weights
    weights = pathlib.Path(os.environ["AZUREML_MODEL_DIR"], {model!r}).read_text()
def run(raw):
    logging.info("{label} was asked")
    return "{label} " + weights
"""


class Sdk:
    """A process with the SDK in it, in the environment that the daemon says."""

    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self._log = daemon.folder / "sdk.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.sdk_steps", str(folder)],
                cwd=Path(__file__).parents[2],
                env=os.environ | sdk_env(daemon),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def do(self, step: str, **arguments: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([step, arguments]).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], STEP_LIMIT_S)
        answer = self._process.stdout.readline() if ready else b""
        assert answer, f"{step}: {self._log.read_text()}"
        return json.loads(answer)

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(STEP_LIMIT_S)
        self._process.stdout.close()


def sdk_env(daemon: Daemon) -> dict[str, str]:
    """The variables that a shell has after `eval "$(turnout sdk-env)"`."""
    printed = subprocess.run(
        [TURNOUT, "sdk-env", "--control-plane", daemon.url],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    names = [line.removeprefix("export ").split("=")[0] for line in printed.splitlines()]
    script = printed + "".join(f'printf "%s\\\\0" "${name}"\n' for name in names)
    values = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout
    return dict(zip(names, values.split("\0")[:-1], strict=True))


@pytest.fixture
def files(daemon: Daemon) -> Path:
    """What the notebook's user has: a model, a script and a request for each version."""
    folder = daemon.folder / "user"
    for name in ("blue", "green"):
        (folder / name / "weights").mkdir(parents=True)
        (folder / name / "weights" / "model.txt").write_text(f"{name} weights")
        (folder / name / "score.py").write_text(SCRIPT.format(model="model.txt", label=name))
    (folder / "shared").mkdir()
    script = SCRIPT.format(model="weights/model.txt", label="shared")
    (folder / "shared" / "score.py").write_text(script)
    (folder / "conda.yml").write_text("name: env\ndependencies:\n  - python=3.11\n  - pip\n")
    (folder / "request.json").write_text('{"data": []}')
    return folder


@pytest.fixture
def sdk(daemon: Daemon, files: Path) -> Iterator[Sdk]:
    started = Sdk(daemon, files)
    yield started
    started.end()


def answers(uri: str, key: str, count: int = SAMPLE) -> Counter[str]:
    """What a plain client is answered, ``count`` times."""
    headers = {"Authorization": f"Bearer {key}"}
    with urllib3.PoolManager() as client:
        replies = [client.request("POST", uri, body=b"{}", headers=headers) for _ in range(count)]
    return Counter(reply.json() if reply.status == OK else str(reply.status) for reply in replies)


def test_the_notebook_runs_in_order_with_local_files(sdk: Sdk) -> None:
    assert sdk.do("create_endpoint") == ["Succeeded", {"foo": "bar"}, "key"]
    assert sdk.do("create_inline", name="blue") == "Succeeded"
    assert sdk.do("traffic", blue=100) == {"blue": 100}
    uri, key = sdk.do("scoring_uri"), sdk.do("keys")
    assert answers(uri, key) == {"blue blue weights": SAMPLE}
    assert json.loads(sdk.do("invoke", deployment="blue")) == "blue blue weights"
    assert sdk.do("scale", name="blue", count=2) == [2, "Succeeded"]
    assert sdk.do("create_inline", name="green") == "Succeeded"
    assert answers(uri, key) == {"blue blue weights": SAMPLE}
    assert json.loads(sdk.do("invoke", deployment="green")) == "green green weights"
    assert sdk.do("mirror", green=10) == {"green": 10}
    assert answers(uri, key) == {"blue blue weights": SAMPLE}
    assert sdk.do("mirror", green=0) in ({}, {"green": 0})
    assert sdk.do("traffic", blue=90, green=10) == {"blue": 90, "green": 10}
    assert set(answers(uri, key, 100)) == {"blue blue weights", "green green weights"}
    assert sdk.do("traffic", blue=0, green=100)["green"] == 100
    assert answers(uri, key) == {"green green weights": SAMPLE}
    assert "green was asked" in sdk.do("logs", name="green")
    assert sdk.do("listed") == [[ENDPOINT], ["blue", "green"]]
    assert sdk.do("delete_deployment", name="blue") == [[ENDPOINT], ["green"]]
    new_key = sdk.do("regenerate_keys")
    assert new_key != key
    assert answers(uri, key) == {"401": SAMPLE}
    assert answers(uri, new_key) == {"green green weights": SAMPLE}
    assert sdk.do("delete_endpoint") == []


def test_the_rollout_runs_with_registered_assets(sdk: Sdk) -> None:
    sdk.do("create_endpoint")
    assert sdk.do("register", name="blue") == ["registered", "1", "plain", "3"]
    assert sdk.do("register", name="green") == ["registered", "2", "plain", "3"]
    assert sdk.do("create_registered", name="blue", model="registered:1") == "Succeeded"
    assert sdk.do("traffic", blue=100) == {"blue": 100}
    uri, key = sdk.do("scoring_uri"), sdk.do("keys")
    assert answers(uri, key) == {"shared blue weights": SAMPLE}
    assert sdk.do("create_registered", name="green", model="registered@latest") == "Succeeded"
    # What was registered is shown again, so that what was shown can be sent back.
    model, environment, code = sdk.do("shown", name="green")
    assert model.endswith("/models/registered/versions/2")
    assert environment.endswith("/environments/plain/versions/3")
    assert code == sdk.do("shown", name="blue")[2]
    assert sdk.do("scale", name="green", count=2) == [2, "Succeeded"]
    assert sdk.do("traffic", blue=0, green=100)["green"] == 100
    assert answers(uri, key) == {"shared green weights": SAMPLE}
    assert sdk.do("assets") == {
        "latest": "2",
        "listed": ["2", "1"],
        "names": ["registered"],
        "conda": ["python=3.11", "pip"],
    }
    assert sdk.do("archive", version="2") == [["1"], ["2", "1"]]
    assert answers(uri, key) == {"shared green weights": SAMPLE}


@pytest.mark.parametrize(
    ("noun", "name", "flags"),
    [
        ("online-endpoint", ENDPOINT, ()),
        ("online-deployment", "blue", ("-e", ENDPOINT)),
        ("model", "registered", ("--label", "latest")),
    ],
)
def test_show_prints_what_azs_prints_which_is_the_sdks_dump(
    sdk: Sdk, daemon: Daemon, noun: str, name: str, flags: tuple[str, ...]
) -> None:
    sdk.do("create_endpoint")
    sdk.do("register", name="blue")
    sdk.do("create_inline", name="blue")
    workspace = ("-g", "my-group", "-w", "my-workspace", "--subscription", SUBSCRIPTION)
    printed = subprocess.run(
        [TURNOUT, "ml", noun, "show", "-n", name, *flags, *workspace,
         "--control-plane", daemon.url],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    expected = sdk.do("dumped", noun=noun, name=name)
    shown = json.loads(printed)
    if noun == "online-deployment":
        # Turnout's own, besides.
        assert shown.pop("instances")["state"] == "Healthy"
    assert as_az_words(shown) == as_az_words(expected | {"resourceGroup": "my-group"})


def as_az_words(value: Any) -> Any:
    """Without how Python writes enums, and without the SDK's rounding of half a second to 0."""
    if isinstance(value, dict):
        return {key: as_az_words(v) for key, v in value.items() if key != "max_queue_wait_ms"}
    if isinstance(value, str):
        return re.sub(r"^[A-Za-z]+(State|Type)\.", "", value).capitalize()
    return value


def test_a_model_that_nobody_registered_is_refused_by_its_name(sdk: Sdk) -> None:
    sdk.do("create_endpoint")
    sdk.do("register", name="blue")
    refusal = sdk.do("refused", model="registered:7")
    assert "expected one of the registered models" in refusal
    assert "/models/registered/versions/7'" in refusal
    assert "There are: azureml:registered:1." in refusal
    assert sdk.do("listed") == [[ENDPOINT], []]


def test_a_token_is_had_where_there_are_no_keys(sdk: Sdk) -> None:
    token, kind, lasts_after_refresh_s = sdk.do("token")
    assert token.count(".") == 2
    assert (kind, lasts_after_refresh_s) == ("Bearer", 43_200)
