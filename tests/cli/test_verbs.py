"""Each verb against a real daemon: what it prints, refuses and leaves unchanged."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run


def shown(run: Run, *words: str) -> Any:
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def traffic_of(run: Run, endpoint: str) -> Any:
    return shown(run, "online-endpoint", "show", "-n", endpoint, "--query", "traffic")


def test_a_created_endpoint_is_printed_sorted_in_the_shape_of_az(run: Run, endpoint: str) -> None:
    printed = shown(run, "ml", "online-endpoint", "show", "--name", endpoint)
    assert list(printed) == sorted(printed)
    assert printed["name"] == endpoint
    assert printed["auth_mode"] == "key"
    assert printed["provisioning_state"] == "Succeeded"
    assert printed["traffic"] == {}
    assert printed["resourceGroup"] == "turnout"
    assert printed["scoring_uri"].endswith(f"/{endpoint}/score")


def test_an_endpoint_that_exists_is_not_created_again(run: Run, endpoint: str) -> None:
    result = run("online-endpoint", "create", "-n", endpoint.upper())
    assert result.exit_code == 1
    assert result.stderr == (
        "ERROR: (UserError) An endpoint with this name already exists. If you are trying to "
        "create a new endpoint, use a different name. If you are trying to update an existing "
        "endpoint, use `az ml online-endpoint update` instead.\n"
    )


def test_list_prints_only_some_keys_of_each_endpoint(run: Run, endpoint: str) -> None:
    (listed,) = shown(run, "online-endpoint", "list", "--query", f"[?name=='{endpoint}']")
    assert set(listed) == {
        "name", "location", "traffic", "mirror_traffic", "provisioning_state", "kind", "tags",
    }  # fmt: skip


def test_update_changes_what_is_named_and_keeps_the_rest(run: Run, endpoint: str) -> None:
    update = ("online-endpoint", "update", "-n", endpoint, "--set")
    shown(run, *update, "tags.team=7", "description=ours")
    printed = shown(run, *update, "tags.stage=test")
    assert printed["tags"] == {"team": "7", "stage": "test"}
    assert printed["description"] == "ours"


def test_a_key_that_does_not_exist_is_refused_and_changes_nothing(run: Run, endpoint: str) -> None:
    result = run("online-endpoint", "update", "-n", endpoint, "--set", "trafic.blue=1")
    assert result.exit_code == 1
    assert "did you mean `traffic`?" in result.stderr
    assert traffic_of(run, endpoint) == {}


def test_deleting_an_endpoint_prints_nothing_and_a_second_time_fails(
    run: Run, endpoint: str
) -> None:
    delete = ("online-endpoint", "delete", "-n", endpoint, "--yes")
    first, second = run(*delete), run(*delete)
    assert (first.stdout, first.exit_code) == ("", 0)
    assert second.stderr == f"ERROR: Online endpoint {endpoint} does not exist.\n"
    assert second.exit_code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("online-endpoint update -n nobody --set description=x", "Endpoint does not exist"),
        ("online-deployment update -n blue -e {e} --set tags.a=b", "Deployment does not exist"),
        ("online-deployment delete -n blue -e {e} -y", "Deployment does not exist."),
        (
            "online-endpoint invoke -n {e} -d blue -r {request}",
            "No deployment exists for this endpoint",
        ),
    ],
)
def test_what_does_not_exist_is_said_in_the_words_of_az(
    run: Run, endpoint: str, folder: Path, words: str, message: str
) -> None:
    request = folder / "request.json"
    request.write_text("{}")
    result = run(*words.format(e=endpoint, request=request).split())
    assert (result.stderr, result.exit_code) == (f"ERROR: {message}\n", 1)


def test_regenerating_a_key_replaces_that_one_only(run: Run, endpoint: str) -> None:
    get = ("online-endpoint", "get-credentials", "-n", endpoint)
    before = shown(run, *get)
    regenerated = run("online-endpoint", "regenerate-keys", "-n", endpoint)
    assert (regenerated.stdout, regenerated.exit_code) == ("", 0)
    after = shown(run, *get)
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]


def test_a_deployment_is_created_with_all_traffic_scaled_and_shown(run: Run, blue: str) -> None:
    assert traffic_of(run, blue) == {"blue": 100}
    names = ("-n", "blue", "--endpoint", blue)
    scaled = shown(run, "online-deployment", "update", *names, "--set", "instance_count=2")
    assert scaled["instance_count"] == 2
    printed = shown(run, "online-deployment", "show", *names)
    assert printed["provisioning_state"] == "Succeeded"
    assert printed["type"] == "managed"
    assert printed["endpoint_name"] == blue
    assert printed["request_settings"] == {
        "max_concurrent_requests_per_instance": 1,
        "max_queue_wait_ms": 500,
        "request_timeout_ms": 5000,
    }


def test_a_second_deployment_has_0_traffic_unless_it_is_mirrored_to(
    run: Run, blue: str, blue_yaml: Path
) -> None:
    green = ("-f", str(blue_yaml), "-n", "Green", "-e", blue)
    shown(run, "online-deployment", "create", *green, "--set", "instance_count=1")
    assert traffic_of(run, blue) == {"blue": 100, "green": 0}
    update = ("online-endpoint", "update", "-n", blue)
    shown(run, *update, "--mirror-traffic", "green=10")
    assert traffic_of(run, blue) == {"blue": 100}
    shown(run, *update, "--mirror-traffic", "green=0")
    shown(run, *update, "--traffic", "blue=90 green=10")
    assert traffic_of(run, blue) == {"blue": 90, "green": 10}
    shown(run, *update, "--set", "traffic.blue=0", "traffic.green=100")
    assert traffic_of(run, blue) == {"blue": 0, "green": 100}
    listed = shown(run, "online-deployment", "list", "-e", blue, "--query", "[].name")
    assert listed == ["blue", "green"]


def test_invoke_prints_the_answer_as_one_json_string_and_logs_show_it(
    run: Run, blue: str, folder: Path
) -> None:
    request = folder / "request.json"
    request.write_text('{"data": [[1]]}')
    invoke = ("online-endpoint", "invoke", "-n", blue, "-r", str(request))
    assert run(*invoke).stdout == '"[0.5, 0.5]"\n'
    assert run(*invoke, "-d", "blue", "-o", "tsv").stdout == "[0.5, 0.5]\n"
    unknown = run(*invoke, "-d", "green")
    assert unknown.stderr == "ERROR: Deployment name green not found for this endpoint\n"
    logs = run("online-deployment", "get-logs", "--name", "blue", "--endpoint", blue)
    assert logs.stdout.count("scored") == 2
    assert not logs.stdout.startswith('"')


def test_invoke_of_an_endpoint_that_serves_nothing_fails_with_status_and_body(
    run: Run, endpoint: str, folder: Path
) -> None:
    request = folder / "request.json"
    request.write_text("{}")
    result = run("online-endpoint", "invoke", "-n", endpoint, "-r", str(request))
    assert (result.stdout, result.exit_code) == ("", 1)
    assert " answered 404 Not found: " in result.stderr
    assert '"code"' in result.stderr


def test_broken_traffic_is_refused_by_the_daemon_and_changes_nothing(run: Run, blue: str) -> None:
    result = run("online-endpoint", "update", "-n", blue, "--traffic", "blue=90")
    assert result.exit_code == 1
    assert result.stderr.startswith("ERROR: (BadRequest) expected percents that sum to 0 or 100")
    deleted = run("online-deployment", "delete", "-n", "blue", "-e", blue, "--yes")
    assert deleted.exit_code == 1
    assert deleted.stderr.startswith("ERROR: (BadRequest) You cannot delete a deployment")
    assert traffic_of(run, blue) == {"blue": 100}


def test_a_script_whose_init_raises_fails_the_command_with_its_traceback(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    script = blue_yaml.parent / "code" / "score.py"
    script.write_text("def init():\n    raise RuntimeError('no weights')\ndef run(d):\n    pass\n")
    result = run("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml))
    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr.splitlines()[-1] != ""
    assert "ERROR: (DeploymentFailed)" in result.stderr
    assert "no weights" in result.stderr


def test_without_waiting_nothing_is_printed_and_the_way_to_the_status_is_named(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    words = ("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml))
    result = run(*words, "--all-traffic", "--no-wait")
    assert (result.stdout, result.exit_code) == ("", 0)
    assert "All traffic won't be set to deployment blue since no_wait option" in result.stderr
    assert f"online-deployment show -n blue -e {endpoint}" in result.stderr


def test_keys_that_do_nothing_here_are_named_in_one_warning(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    with blue_yaml.open("a") as yaml:
        yaml.write("environment: {image: some-image}\nmodel_mount_path: /mnt\n")
    result = run("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml))
    assert result.exit_code == 0, result.stderr
    warnings = [line for line in result.stderr.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 2
    assert "model_mount_path, environment.image" in warnings[0]
    assert "is none of turnout.yml's `instance_types` and does nothing" in warnings[1]


def test_credentials_of_a_token_endpoint_are_a_token_and_invoke_uses_it(
    run: Run, endpoint: str, blue_yaml: Path, folder: Path
) -> None:
    words = ("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml), "--all-traffic")
    assert run(*words).exit_code == 0
    changed = run("online-endpoint", "update", "-n", endpoint, "--set", "auth_mode=AMLToken")
    assert json.loads(changed.stdout)["auth_mode"] == "aml_token"
    shown = run("online-endpoint", "get-credentials", "-n", endpoint)
    assert list(json.loads(shown.stdout)) == [
        "accessToken", "expiryTimeUtc", "refreshAfterTimeUtc", "tokenType",
    ]  # fmt: skip
    request = folder / "request.json"
    request.write_text("{}")
    invoked = run("online-endpoint", "invoke", "-n", endpoint, "-r", str(request))
    assert invoked.exit_code == 0, invoked.stderr
    refused = run("online-endpoint", "regenerate-keys", "-n", endpoint)
    assert refused.exit_code == 1
    assert f"Endpoint '{endpoint}' does not use keys for authentication." in refused.stderr


def test_a_token_of_entra_id_is_refused_with_the_reason(run: Run, endpoint: str) -> None:
    result = run("online-endpoint", "update", "-n", endpoint, "--set", "auth_mode=aad_token")
    assert result.exit_code == 1
    assert "expected key or aml_token, got 'aad_token', at `$.auth_mode`" in result.stderr


CONDA = """
name: tiny
channels: [conda-forge]
dependencies: [python=3.8, openssl, iniconfig=2.0.0, {pip: [packaging]}]
"""


def test_a_conda_file_becomes_the_environment_in_which_the_script_runs(
    run: Run, endpoint: str, blue_yaml: Path, folder: Path
) -> None:
    (script,) = blue_yaml.parent.rglob("score.py")
    script.write_text(
        "from importlib.metadata import version\nimport packaging\n"
        "def init(): pass\ndef run(raw): return version('iniconfig')\n"
    )
    (blue_yaml.parent / "conda.yaml").write_text(CONDA)
    with blue_yaml.open("a") as yaml:
        yaml.write("environment: {conda_file: conda.yaml}\n")
    words = ("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml), "--all-traffic")
    created = run(*words)
    assert created.exit_code == 0, created.stderr
    assert "WARNING: not Python packages, so left to this machine: openssl" in created.stderr
    assert "WARNING: expected Python 3.8, which is not installed" in created.stderr
    request = folder / "request.json"
    request.write_text("{}")
    invoked = run("online-endpoint", "invoke", "-n", endpoint, "-r", str(request), "-o", "tsv")
    assert invoked.stdout == '"2.0.0"\n'


def test_an_environment_that_cannot_be_built_fails_the_deployment_with_the_resolvers_words(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    (blue_yaml.parent / "conda.yaml").write_text("dependencies: [iniconfig=99.1]")
    with blue_yaml.open("a") as yaml:
        yaml.write("environment: {conda_file: conda.yaml}\n")
    created = run("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml))
    assert created.exit_code == 1
    assert "ERROR: (ImageBuildFailure) expected to build the environment" in created.stderr
    assert "iniconfig==99.1" in created.stderr
    shown = run("online-deployment", "show", "-n", "blue", "-e", endpoint)
    assert json.loads(shown.stdout)["provisioning_state"] == "Failed"
