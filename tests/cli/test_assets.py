"""`turnout ml model`, `environment` and `code`, and deployments that name what they registered."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Run

SCORE = """
import os
def init(): pass
def run(raw):
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "weights.txt")) as weights:
        return weights.read()
"""


@pytest.fixture
def name(endpoint: str) -> str:
    """A name that no other test's assets have."""
    return f"a-{endpoint}"


def shown(run: Run, *words: str) -> Any:
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_versions_count_up_and_the_label_latest_is_the_newest(
    run: Run, folder: Path, name: str
) -> None:
    for text in ("one", "two"):
        (folder / "weights.txt").write_text(text)
        created = shown(run, "model", "create", "-n", name, "--path", str(folder / "weights.txt"))
    assert created["version"] == "2"
    assert created["type"] == "custom_model"
    assert created["resourceGroup"] == "turnout"
    assert shown(run, "ml", "model", "show", "-n", name, "--label", "latest") == created
    versions = shown(run, "model", "list", "-n", name)
    assert sorted(one["version"] for one in versions) == ["1", "2"]
    assert name in {one["name"] for one in shown(run, "model", "list")}


def test_set_and_tags_go_before_what_the_file_says(run: Run, folder: Path, name: str) -> None:
    (folder / "weights.txt").touch()
    (folder / "model.yml").write_text(
        f"name: {name}\npath: weights.txt\ndescription: old\ntags: {{team: theirs}}\n"
    )
    words = ("model", "create", "-f", str(folder / "model.yml"))
    tagged = shown(run, *words, "--tags", "team=ours", "stage=test", "checked", "-v", "7")
    assert tagged["tags"] == {"team": "ours", "stage": "test", "checked": ""}
    assert (tagged["version"], tagged["description"]) == ("7", "old")
    changed = shown(run, *words, "--set", "version=8", "tags.team=all of us", "description=a=b")
    assert changed["tags"] == {"team": "all of us"}
    assert (changed["version"], changed["description"]) == ("8", "a=b")


def test_an_environment_is_set_without_a_file(run: Run, folder: Path, name: str) -> None:
    words = ("environment", "create", "-n", name, "--image", "any", "--tags", "a=1")
    made = shown(run, *words, "--set", "description=ours")
    assert (made["image"], made["description"], made["tags"]) == ("any", "ours", {"a": "1"})
    assert made["id"].startswith("azureml:/subscriptions/")


def test_an_archived_version_is_hidden_until_it_is_restored(
    run: Run, folder: Path, name: str
) -> None:
    (folder / "weights.txt").touch()
    words = ("-n", name, "-v", "1")
    shown(run, "model", "create", *words, "--path", str(folder / "weights.txt"))
    assert run("model", "archive", *words).exit_code == 0
    assert shown(run, "model", "list", "-n", name) == []
    (archived,) = shown(run, "model", "list", "-n", name, "--archived-only")
    assert archived["archived"] is True
    assert run("model", "restore", *words).exit_code == 0
    assert len(shown(run, "model", "list", "-n", name)) == 1


def test_a_name_is_archived_with_all_its_versions(run: Run, folder: Path, name: str) -> None:
    (folder / "weights.txt").touch()
    shown(run, "model", "create", "-n", name, "--path", str(folder / "weights.txt"))
    assert run("model", "archive", "-n", name).exit_code == 0
    assert name not in {one["name"] for one in shown(run, "model", "list")}
    assert run("model", "restore", "-n", name).exit_code == 0
    assert name in {one["name"] for one in shown(run, "model", "list")}


def test_a_deployment_runs_from_registered_code_model_and_environment(
    run: Run, endpoint: str, name: str, folder: Path
) -> None:
    (folder / "weights.txt").write_text("as registered")
    (folder / "src").mkdir()
    (folder / "src" / "score.py").write_text(SCORE)
    (folder / "conda.yaml").write_text("dependencies: [python, iniconfig=2.0.0]")
    (folder / "environment.yml").write_text(f"name: {name}\nversion: '1'\nconda_file: conda.yaml\n")
    shown(run, "model", "create", "-n", name, "-v", "1", "--path", str(folder / "weights.txt"))
    shown(run, "code", "create", "-n", name, "-v", "1", "--path", str(folder / "src"))
    shown(run, "environment", "create", "-f", str(folder / "environment.yml"))
    deployment = {
        "name": "blue",
        "endpoint_name": endpoint,
        "model": f"azureml:{name}@latest",
        "code_configuration": {"code": f"azureml:{name}:1", "scoring_script": "score.py"},
        "environment": f"azureml:{name}:1",
    }
    (folder / "named.yml").write_text(yaml.safe_dump(deployment))
    created = shown(
        run, "online-deployment", "create", "-f", str(folder / "named.yml"), "--all-traffic"
    )
    assert created["code_configuration"]["code"].endswith(f"/codes/{name}/versions/1")
    assert f"/models/{name}/versions/1" in created["model"]
    (folder / "request.json").write_text("{}")
    invoked = run("online-endpoint", "invoke", "-n", endpoint, "-r", str(folder / "request.json"))
    assert json.loads(json.loads(invoked.stdout)) == "as registered"


@pytest.mark.parametrize(
    ("words", "message", "status"),
    [
        ("model show -n {n}", "expected either --version or --label", 2),
        ("model show -n {n} -v 1 -l latest", "expected either --version or --label", 2),
        ("model show -n {n} -v 1", "ERROR: (ResourceNotFound)", 3),
        ("model create -v 1 --path /", "Missing option '--name'", 2),
        ("model create -n {n}", "expected the key `path`, got none, at `$`", 1),
        ("model create -n {n} --path nowhere", "expected a path that exists, got 'nowhere'", 1),
        ("environment create -n {n} --conda-file nowhere", "expected a file, got none", 1),
        ("code create -n {n} --path /etc/passwd", "ERROR: (BadRequest)", 1),
    ],
)
def test_a_wrong_call_is_refused(
    run: Run, name: str, words: str, message: str, status: int
) -> None:
    result = run(*words.format(n=name).split())
    assert message in result.stderr
    assert result.exit_code == status


def test_a_version_is_registered_once(run: Run, folder: Path, name: str) -> None:
    weights = folder / "weights.txt"
    words = ("model", "create", "-n", name, "-v", "1", "--path", str(weights))
    weights.write_text("one")
    assert run(*words).exit_code == 0
    assert run(*words).exit_code == 0
    weights.write_text("two")
    refused = run(*words)
    assert refused.exit_code == 1
    assert "(Conflict)" in refused.stderr
