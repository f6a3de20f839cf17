"""Wrong files and flags: one clear message each, exit code 1 or 2, before anything is sent.

The daemon's address leads nowhere, so a command that got as far as sending would say so.
"""

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import UNREACHABLE, Run

BLUE = {
    "name": "blue",
    "endpoint_name": "my-endpoint",
    "code_configuration": {"code": "code", "scoring_script": "score.py"},
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected keys and values, got an empty file"),
        ("[1]", "expected keys and values, got [1] (list), at `$`"),
        (
            "a: b: c",
            "expected YAML, got mapping values are not allowed in this context (line 1, column 5)",
        ),
        ("name: [", "expected YAML, got did not find expected node content (line 2, column 1)"),
        ("name: my-endpoint\ntraffic: {blue: x}",
         "expected `int`, got 'x' (str), at `$.traffic.blue`"),
        ("name: my-endpoint\nauth_mod: key",
         "expected one of $schema, auth_mode, compute, description, identity, mirror_traffic, "
         "name, properties, public_network_access, tags, traffic, got the key `auth_mod`, at "
         "`$.auth_mod`; did you mean `auth_mode`?"),
        ("name: my-endpoint\nauth_mode: open",
         "expected 'aad_token' or 'aml_token' or 'key', got 'open', at `$.auth_mode`"),
    ],
)  # fmt: skip
def test_a_wrong_endpoint_file_is_refused_with_the_place(
    offline: Run, folder: Path, text: str, message: str
) -> None:
    path = folder / "endpoint.yml"
    path.write_text(text)
    result = offline("online-endpoint", "create", "-f", str(path))
    assert (result.stderr, result.exit_code) == (f"ERROR: (BadRequest) {path}: {message}\n", 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_count": 0}, "expected `int` >= 1, got 0 (int), at `$.instance_count`"),
        ({"code_configuration": None}, "expected `object`, got null, at `$.code_configuration`"),
        (
            {"code_configuration": {"code": "nowhere", "scoring_script": "score.py"}},
            "expected a path that exists, got 'nowhere', at `$.code_configuration.code`. It is "
            "taken relative to {folder}.",
        ),
        (
            {"code_configuration": {"code": "code", "scoring_script": "other.py"}},
            "expected a file in '{folder}/code', got 'other.py', at "
            "`$.code_configuration.scoring_script`",
        ),
        (
            {"code_configuration": {"code": "code/score.py", "scoring_script": "score.py"}},
            "expected a folder, got the file '{folder}/code/score.py', at "
            "`$.code_configuration.code`",
        ),
        (
            {"model": {"path": "nowhere"}},
            "expected a path that exists, got 'nowhere', at `$.model.path`. It is taken relative "
            "to {folder}.",
        ),
    ],
)
def test_a_wrong_deployment_file_is_refused_with_the_place(
    offline: Run, folder: Path, changes: dict[str, object], message: str
) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text("")
    path = folder / "blue.yml"
    path.write_text(yaml.safe_dump({**BLUE, **changes}))
    result = offline("online-deployment", "create", "-f", str(path))
    expected = f"ERROR: (BadRequest) {path}: {message.format(folder=folder)}\n"
    assert (result.stderr, result.exit_code) == (expected, 1)


def test_a_scoring_script_with_a_syntax_error_is_refused_with_its_line(
    offline: Run, folder: Path
) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text("def init():\n    pass\ndef run(:\n")
    path = folder / "blue.yml"
    path.write_text(yaml.safe_dump(BLUE))
    result = offline("online-deployment", "create", "-f", str(path))
    assert result.stderr == (
        "ERROR: Failed to submit deployment blue due to syntax errors in scoring script "
        "score.py.\nError on line 3: invalid syntax\n"
    )
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "online-endpoint create -f {folder}/none.yml",
            "(BadRequest) {folder}/none.yml: expected a file, got none. Check the path.",
        ),
        (
            "online-deployment create -f {folder}",
            "(BadRequest) {folder}: expected a file, got a folder. Name a file in it.",
        ),
        (
            "online-endpoint invoke -n my-endpoint -r {folder}/empty.json",
            "(BadRequest) {folder}/empty.json: expected JSON, got an empty file",
        ),
        (
            "online-endpoint invoke -n my-endpoint -r {folder}/broken.json",
            "(BadRequest) {folder}/broken.json: expected JSON, got Expecting value "
            "(line 1, column 10)",
        ),
        (
            "online-endpoint create -n ab",
            "(BadRequest) The name for an endpoint must be at least 3 and at most 32 characters "
            "long (inclusive of both limits). Got 'ab', 2 characters, at `$.name`.",
        ),
        (
            "online-endpoint regenerate-keys -n my-endpoint --key-type third",
            "Key type must be 'primary' or 'secondary'.",
        ),
        (
            "online-endpoint update -n my-endpoint --traffic blue=90,",
            "Do not add a delimiter between traffic variables",
        ),
        (
            "online-endpoint create -n my-endpoint --set description",
            "usage error: --set KEY=VALUE [KEY=VALUE ...]",
        ),
        (
            "online-endpoint delete -n my-endpoint",
            "Unable to prompt for confirmation as no tty available. Use --yes.",
        ),
        (
            "demo --examples {folder}",
            "expected endpoint.yml, blue-deployment.yml, green-deployment.yml, "
            "sample-request.json in {folder}, got no endpoint.yml, blue-deployment.yml, "
            "green-deployment.yml, sample-request.json. Run it in a clone of Turnout's "
            "repository, or name a folder with --examples",
        ),
        (
            "serve --config {folder}/wrong-turnout.yml",
            "(BadRequest) {folder}/wrong-turnout.yml: expected one of control_plane, data_plane, "
            "endpoints, instance_types, quotas, state_dir, got the key `state_dri`, at "
            "`$.state_dri`; did you mean `state_dir`?",
        ),
        (
            "online-endpoint list",
            f"cannot reach the control plane at {UNREACHABLE} (connection refused). Start it "
            "with `turnout serve`, or name another with --control-plane",
        ),
    ],
)
def test_an_error_is_one_message_on_stderr_and_exit_code_1(
    offline: Run, folder: Path, words: str, message: str
) -> None:
    (folder / "empty.json").write_text("")
    (folder / "broken.json").write_text('{"data": }')
    (folder / "wrong-turnout.yml").write_text("state_dri: x")
    result = offline(*words.format(folder=folder).split())
    assert result.stderr == f"ERROR: {message.format(folder=folder)}\n"
    assert (result.stdout, result.exit_code) == ("", 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "online-endpoint create",
            "Missing option '--name': give it, or a file with the key `name`.",
        ),
        ("online-endpoint show", "Missing option '-n' / '--name'."),
        ("online-endpoint list --query [", "Invalid value for '--query': expected a JMESPath"),
        (
            "online-endpoint list --control-plane nowhere",
            "expected an address like http://127.0.0.1:8081, got 'nowhere'",
        ),
        ("online-endpoint list -o xml", "Invalid value for '-o' / '--output': 'xml' is not one"),
        ("online-endpoint frobnicate", "No such command 'frobnicate'"),
        ("online-endpoint list --frobnicate", "No such option '--frobnicate'"),
    ],
)
def test_wrong_usage_is_explained_with_exit_code_2(offline: Run, words: str, message: str) -> None:
    result = offline(*words.split())
    assert message in result.stderr
    assert (result.stdout, result.exit_code) == ("", 2)


def test_a_conda_file_that_is_not_there_is_refused(offline: Run, folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text("")
    path = folder / "blue.yml"
    path.write_text(yaml.safe_dump({**BLUE, "environment": {"conda_file": "conda.yaml"}}))
    result = offline("online-deployment", "create", "-f", str(path))
    message = f"{folder}/conda.yaml: expected a file, got none. Check the path."
    assert (result.stderr, result.exit_code) == (f"ERROR: (BadRequest) {message}\n", 1)
