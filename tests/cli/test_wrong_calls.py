"""What users get wrong on the command line, against a real daemon: message, exit code, no change.

Each row is one command. After it, everything that the daemon shows of the rollout must be
what it was before.
"""

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import SCORE, Run, runner
from tests.cli.wrong_calls import CALLS, WRONG_USAGE

ENDPOINT, KUBERNETES = "wrong-calls", "wrong-calls-k8s"
DEPLOYMENT = {
    "name": "blue",
    "endpoint_name": ENDPOINT,
    "model": {"path": "model.txt"},
    "code_configuration": {"code": "code/", "scoring_script": "score.py"},
}
SHOWN = (
    f"online-endpoint show -n {ENDPOINT}",
    f"online-endpoint show -n {KUBERNETES}",
    f"online-endpoint get-credentials -n {ENDPOINT}",
    f"online-deployment show -n blue -e {ENDPOINT}",
    f"online-deployment show -n green -e {ENDPOINT}",
    f"online-deployment list -e {ENDPOINT}",
    f"online-deployment list -e {KUBERNETES}",
    f"model list -n {ENDPOINT}",
    f"environment list -n {ENDPOINT}",
    f"code list -n {ENDPOINT}",
)


@pytest.fixture(scope="module")
def files() -> Iterator[Path]:
    """A user's folder: a script, a model, a request, and YAML files that are right."""
    folder = Path(tempfile.mkdtemp(prefix="tw-")).resolve()
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCORE)
    (folder / "model.txt").write_text("weights")
    (folder / "request.json").write_text("{}")
    (folder / "endpoint.yml").write_text(yaml.safe_dump({"name": ENDPOINT, "auth_mode": "key"}))
    (folder / "blue.yml").write_text(yaml.safe_dump(DEPLOYMENT))
    (folder / "conda.yml").write_text("dependencies: [python, {pip: [./own]}]")
    local = {**DEPLOYMENT, "environment": {"conda_file": "conda.yml"}}
    (folder / "conda-blue.yml").write_text(yaml.safe_dump(local))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def rollout(daemon_url: str, files: Path) -> Iterator[Run]:
    """The command line with a daemon on which blue has all traffic, green none."""
    run = runner(daemon_url)
    for words in (
        f"online-endpoint create -n {ENDPOINT}",
        f"online-endpoint create -n {KUBERNETES} --set compute=azureml:cluster",
        f"online-deployment create -f {files}/blue.yml --all-traffic",
        f"online-deployment create -f {files}/blue.yml -n green",
        f"model create -n {ENDPOINT} -v 1 --path {files}/model.txt",
    ):
        done = run(*words.split())
        assert done.exit_code == 0, done.stderr
    yield run
    for name in (ENDPOINT, KUBERNETES):
        run("online-endpoint", "delete", "-n", name, "--yes")


def state(run: Run) -> list[str]:
    return [run(*words.split()).stdout for words in SHOWN]


@pytest.mark.parametrize(("words", "message"), CALLS, ids=[words for words, _ in CALLS])
def test_a_wrong_call_says_what_is_wrong_and_changes_nothing(
    rollout: Run, files: Path, words: str, message: str
) -> None:
    before = state(rollout)
    fill = {"e": ENDPOINT, "k": KUBERNETES, "f": files, "cwd": Path.cwd()}
    result = rollout(*shlex.split(words.format(**fill)))
    assert (result.stdout, result.exit_code) == ("", 1)
    *_, said = result.stderr.partition("ERROR: ")
    assert said == message.format(**fill) + "\n"
    assert state(rollout) == before


@pytest.mark.parametrize(("words", "message"), WRONG_USAGE, ids=[words for words, _ in WRONG_USAGE])
def test_wrong_usage_ends_with_2_and_changes_nothing(
    rollout: Run, files: Path, words: str, message: str
) -> None:
    before = state(rollout)
    result = rollout(*shlex.split(words.format(e=ENDPOINT, f=files)))
    assert (result.stdout, result.exit_code) == ("", 2)
    assert result.stderr.splitlines()[-1] == f"Error: {message}"
    assert state(rollout) == before
