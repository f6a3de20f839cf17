"""What a deployment's file holds inline becomes assets that the deployment names by their ids."""

import json
import uuid
from pathlib import Path
from typing import Any

import yaml

from router.cli.inline_assets import content_digest
from tests.cli.conftest import SCORE, Run

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/turnout/providers"
    "/Microsoft.MachineLearningServices/workspaces/turnout"
)


def created(run: Run, endpoint: str, file: Path, *words: str) -> Any:
    result = run("online-deployment", "create", "-e", endpoint, "-f", str(file), *words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def change(file: Path, **keys: object) -> None:
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | keys))


def test_inline_code_model_and_environment_are_printed_as_ids(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    change(blue_yaml, environment={"image": "any"})
    printed = created(run, endpoint, blue_yaml)
    code = printed["code_configuration"]["code"].removeprefix(f"{WORKSPACE}/codes/")
    model = printed["model"].removeprefix(f"azureml:{WORKSPACE}/models/")
    environment = printed["environment"].removeprefix(f"azureml:{WORKSPACE}/environments/")
    for text in (code, model):
        name, versions, version = text.split("/")
        assert (str(uuid.UUID(name)), versions, version) == (name, "versions", "1")
    assert environment.startswith("CliV2AnonymousEnvironment/versions/")


def test_what_has_no_name_is_in_no_list(run: Run, endpoint: str, blue_yaml: Path) -> None:
    change(blue_yaml, environment={"image": "any"})
    printed = created(run, endpoint, blue_yaml)
    ids = {
        "model": printed["model"],
        "code": printed["code_configuration"]["code"],
        "environment": printed["environment"],
    }
    for noun, id_ in ids.items():
        *_, name, _, version = id_.split("/")
        assert run(noun, "show", "-n", name, "-v", version).exit_code == 0
        listed = run(noun, "list", "--include-archived", "--query", "[].name", "-o", "tsv").stdout
        assert name not in listed.split()


def test_the_same_files_are_registered_once_and_changed_ones_again(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    blue = created(run, endpoint, blue_yaml)
    (blue_yaml.parent / "code" / "__pycache__").mkdir()
    (blue_yaml.parent / "code" / "__pycache__" / "score.pyc").write_text("compiled")
    green = created(run, endpoint, blue_yaml, "--name", "green")
    assert green["code_configuration"] == blue["code_configuration"]
    assert green["model"] == blue["model"]
    (blue_yaml.parent / "model.txt").write_text("other weights")
    third = created(run, endpoint, blue_yaml, "--name", "third")
    assert third["code_configuration"] == blue["code_configuration"]
    assert third["model"] != blue["model"]


def test_files_whose_name_was_taken_by_other_content_are_registered_under_another(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    (blue_yaml.parent / "other").mkdir()
    (blue_yaml.parent / "other" / "score.py").write_text(SCORE + "\n# other\n")
    # On this daemon the usual content may have been registered by another test.
    (blue_yaml.parent / "code" / "mark.txt").write_text(endpoint)
    taken = str(uuid.UUID(content_digest(blue_yaml.parent / "code")[:32]))
    other = str(blue_yaml.parent / "other")
    assert run("code", "create", "-n", taken, "-v", "1", "--path", other).exit_code == 0
    printed = created(run, endpoint, blue_yaml)
    name = printed["code_configuration"]["code"].split("/")[-3]
    assert name != taken
    path = Path(json.loads(run("code", "show", "-n", name, "-v", "1").stdout)["path"])
    assert (path / "mark.txt").read_text() == endpoint
    assert run("code", "archive", "-n", taken).exit_code == 0


def test_an_inline_model_with_a_name_is_registered_under_it(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    name = f"a-{endpoint}"
    change(blue_yaml, model={"name": name, "path": "model.txt", "tags": {"team": "ours"}})
    assert created(run, endpoint, blue_yaml)["model"].endswith(f"/models/{name}/versions/1")
    (one,) = json.loads(run("model", "list", "-n", name).stdout)
    assert one["tags"] == {"team": "ours"}
    change(blue_yaml, model={"name": name, "version": "7", "path": "model.txt"})
    printed = created(run, endpoint, blue_yaml, "-n", "green")
    assert printed["model"].endswith(f"/models/{name}/versions/7")


def test_what_show_prints_can_be_declared_again(run: Run, endpoint: str, blue_yaml: Path) -> None:
    created(run, endpoint, blue_yaml)
    names = ("-n", "blue", "-e", endpoint)
    before = run("online-deployment", "show", *names).stdout
    again = blue_yaml.parent / "again.yml"
    shown = json.loads(before)
    del shown["resourceGroup"]
    again.write_text(json.dumps(shown))
    updated = run("online-deployment", "update", *names, "-f", str(again))
    assert updated.exit_code == 0, updated.stderr
    times = ("creation_context",)
    assert {k: v for k, v in json.loads(updated.stdout).items() if k not in times} == {
        k: v for k, v in json.loads(before).items() if k not in times
    }
