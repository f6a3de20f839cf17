"""The pytest plugin as a user meets it: in test runs of its own, in processes of their own."""

import json
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import psutil
import pytest

from tests.control_plane.daemon import wait_gone

PLUGIN = "router.testing.plugin"
LIMIT_S = 60
SHARED = """
import pytest
from router.testing import Load, Script, Scripted

@pytest.fixture(scope="session")
def turnout(turnout_factory):
    return turnout_factory.start({"data_plane": {"max_payload_bytes": 1000}})
"""
FAILING = """
from router.testing import Load, Script, Scripted

def test_init_raises(turnout):
    turnout.endpoint("first").deploy(Script("blue", "score.py"), all_traffic=True)

def test_wrong_yaml(turnout):
    turnout.endpoint("second").deploy("blue.yml")

def test_two_deployments_of_a_shared_daemon(running_endpoint):
    endpoint = running_endpoint(Scripted("blue"), Scripted("green"), name="fifth")
    replies = [endpoint.score(deployment=name) for name in (None, "blue", "green")]
    assert [(one.status, one.deployment) for one in replies] == [
        (200, "blue"), (200, "blue"), (200, "green")
    ]
    assert endpoint.name == "fifth"

def test_settings_hold(turnout):
    assert turnout.endpoint("third").score(b"x" * 2000).status == 413

def test_not_every_request_is_answered(turnout):
    endpoint = turnout.endpoint("fourth")
    endpoint.deploy(Scripted("blue", error_percent=50), all_traffic=True)
    rollout = endpoint.roll_out([{"name": "now"}], Load(requests=100))
    assert (rollout["now"].after.statuses, rollout.shares) == ({200: 50, 424: 50}, {"blue": 100})
    rollout.assert_exact()
    rollout.assert_none_failed()
"""
BLOCKED = """
import json, threading
from router.testing import Scripted

def test_blocked(turnout):
    turnout.endpoint().deploy(Scripted("blue"), all_traffic=True)
    print(json.dumps(str(turnout.folder)), flush=True)
    threading.Event().wait()
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs load the plugin that they name and no other: none for async tests, say."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def test_what_goes_wrong_is_said_in_the_users_words(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(conftest=SHARED, test_it=FAILING)
    pytester.path.joinpath("score.py").write_text(
        "def init():\n    raise RuntimeError('no weights')\n\ndef run(raw):\n    return raw\n"
    )
    pytester.path.joinpath("blue.yml").write_text("name: blue\ninstance_cont: 2\n")
    result = pytester.runpytest_subprocess("-p", PLUGIN, "-W", "error")
    result.assert_outcomes(failed=3, passed=2)
    result.stdout.fnmatch_lines(
        [
            "*def test_init_raises(turnout):",
            ">*deploy(Script*",
            "E *Traceback (most recent call last):",
            "E *score.py*, line 2, in init",
            "E *RuntimeError: no weights",
            "*Turnout's log (http://127.0.0.1:*",
            "*def test_wrong_yaml(turnout):",
            "E *blue.yml: expected one of *, got the key `instance_cont`*",
            "*def test_not_every_request_is_answered(turnout):",
            "E *now: a request failed: 424 by blue: *",
            "E *and 45 more",
            "E *now *100 *blue=100 *50 *",
        ]
    )
    # Nothing of the harness itself stands between the test and the message.
    result.stdout.no_fnmatch_line("*loop_thread.py*")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process_and_no_folder(
    pytester: pytest.Pytester, number: signal.Signals
) -> None:
    pytester.makepyfile(BLOCKED)
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", PLUGIN, "-q", "-s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=pytester.path,
    ) as run:
        assert run.stdout is not None
        folder = Path(next(json.loads(line) for line in run.stdout if line.startswith(b'"')))
        processes = psutil.Process(run.pid).children(recursive=True)
        # At least the keeper, the daemon, a worker and an instance.
        assert len(processes) >= 4
        assert folder.exists()
        run.send_signal(number)
        run.wait(LIMIT_S)
        for process in processes:
            wait_gone(process.pid)
    assert not folder.exists()


def test_the_example_of_the_documentation_works_as_printed(
    pytester: pytest.Pytester, pytestconfig: pytest.Config
) -> None:
    page = (pytestconfig.rootpath / "docs" / "testing.md").read_text()
    score, test, *_ = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    pytester.makepyfile(score=score, test_rollout=test)
    pytester.runpytest_subprocess("-p", PLUGIN, "-W", "error").assert_outcomes(passed=1)


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    code = f"import sys, {PLUGIN}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"aiohttp", "asyncio", "grpc", "msgspec", "uvloop", "yaml"}


def test_named_by_the_entry_point_and_by_a_conftest_it_is_registered_once(
    pytestconfig: pytest.Config,
) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}
    # tests/conftest.py names it, too.
    registered = pytestconfig.pluginmanager.list_name_plugin()
    assert [name for name, plugin in registered if plugin is sys.modules[PLUGIN]] == [PLUGIN]
