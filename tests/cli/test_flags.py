"""The flags that all verbs share, those that do nothing here, and what is kept between commands."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("TURNOUT_CONFIG_DIR", str(folder / "settings"))


def test_none_prints_nothing(run: Run, endpoint: str) -> None:
    result = run("online-endpoint", "show", "-n", endpoint, "-o", "none")
    assert (result.stdout, result.exit_code) == ("", 0)


@pytest.mark.parametrize(("coloured", "plain"), [("jsonc", "json"), ("yamlc", "yaml")])
def test_away_from_a_terminal_the_coloured_formats_are_plain(
    run: Run, endpoint: str, coloured: str, plain: str
) -> None:
    shown = [
        run("online-endpoint", "show", "-n", endpoint, "-o", o).stdout for o in (coloured, plain)
    ]
    assert shown[0] == shown[1] != ""


@pytest.mark.parametrize("noun", ["online-endpoint", "online-deployment"])
def test_show_of_what_is_not_there_ends_with_3(run: Run, endpoint: str, noun: str) -> None:
    more = ("-e", endpoint) if noun == "online-deployment" else ()
    assert run(noun, "show", "-n", "nobody", *more).exit_code == 3


def test_group_and_workspace_stand_in_the_id(run: Run, endpoint: str) -> None:
    words = ("-g", "my-group", "-w", "my-space", "--subscription", "my-sub")
    shown = json.loads(run("online-endpoint", "show", "-n", endpoint, *words).stdout)
    assert shown["resourceGroup"] == "my-group"
    assert shown["id"].startswith("/subscriptions/my-sub/resourceGroups/my-group/providers/")
    assert f"/workspaces/my-space/onlineEndpoints/{endpoint}" in shown["id"]


def test_defaults_are_kept_until_they_are_emptied(run: Run, endpoint: str) -> None:
    def group() -> str:
        shown = run("online-endpoint", "show", "-n", endpoint)
        return str(json.loads(shown.stdout)["resourceGroup"])

    assert run("configure", "--defaults", "group=kept", "workspace=there").exit_code == 0
    assert run("account", "set", "--subscription", "mine").exit_code == 0
    assert group() == "kept"
    assert run("configure", "--defaults", "group=").exit_code == 0
    assert group() == "turnout"


def test_a_wrong_default_is_refused_and_nothing_is_kept(offline: Run, folder: Path) -> None:
    result = offline("configure", "--defaults", "group=a", "grup=b")
    assert result.exit_code == 1
    assert (
        "expected group=NAME or workspace=NAME or subscription=NAME, got 'grup=b'" in result.stderr
    )
    assert not (folder / "settings").exists()


def test_a_settings_file_that_is_none_is_refused_with_what_to_do(run: Run, folder: Path) -> None:
    (folder / "settings").mkdir()
    (folder / "settings" / "config.json").write_text("[]")
    result = run("online-endpoint", "list")
    assert result.exit_code == 1
    assert "expected an object of texts, got []. Delete the file." in result.stderr


@pytest.mark.parametrize("flag", ["--debug", "--verbose"])
def test_calls_are_shown_without_credentials(run: Run, endpoint: str, flag: str) -> None:
    result = run("online-endpoint", "get-credentials", "-n", endpoint, flag)
    key = json.loads(result.stdout)["primaryKey"]
    assert "DEBUG: POST http://" in result.stderr
    assert "/listKeys" in result.stderr
    assert key not in result.stderr


def test_only_show_errors_hides_warnings_and_progress_but_no_error(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    words = ("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml), "--all-traffic")
    result = run(*words, "--only-show-errors")
    assert (result.stderr, result.exit_code) == ("", 0)
    again = run(*words, "--only-show-errors")
    assert again.stderr.startswith("ERROR: (UserError) A deployment with this name already exists.")


def test_flags_without_a_meaning_are_named_in_one_warning(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    words = ("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml), "--no-wait")
    result = run(*words, "--vscode-debug", "--local-enable-gpu", "--web")
    assert result.exit_code == 0, result.stderr
    (warning,) = [line for line in result.stderr.splitlines() if "these flags" in line]
    assert warning.endswith("do nothing: --web, --local-enable-gpu, --vscode-debug.")


def test_local_means_this_daemon(run: Run, endpoint: str) -> None:
    shown = [run("online-endpoint", "show", "-n", endpoint, *more) for more in ([], ["--local"])]
    assert shown[0].stdout == shown[1].stdout != ""


def test_local_and_no_wait_are_refused_together(offline: Run) -> None:
    result = offline("online-endpoint", "create", "-n", "my-endpoint", "--local", "--no-wait")
    message = (
        '"no_wait" and "local" options are mutually exclusive. Set only one option and try again.'
    )
    assert (result.stderr, result.exit_code) == (f"ERROR: {message}\n", 1)


def test_syntax_errors_pass_only_where_they_are_not_looked_for(
    run: Run, endpoint: str, blue_yaml: Path
) -> None:
    (script,) = blue_yaml.parent.rglob("score.py")
    script.write_text("def init(: pass")
    words = ("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml))
    assert run(*words).stderr.count("due to syntax errors in scoring script") == 1
    started = run(*words, "--skip-script-validation").stderr
    assert "ERROR: (DeploymentFailed) instance i" in started
    assert "SyntaxError: " in started


@pytest.mark.parametrize("container", ["inference-server", "storage-initializer"])
def test_logs_are_asked_of_a_container(
    run: Run, endpoint: str, blue_yaml: Path, container: str
) -> None:
    assert run("online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml)).exit_code == 0
    words = ("online-deployment", "get-logs", "-n", "blue", "--endpoint", endpoint, "-c")
    shown = run(*words, container)
    assert shown.exit_code == 0
    assert ("ready on" in shown.stdout) == (container == "inference-server")
    refused = run(*words, "sidecar")
    assert refused.stderr == (
        "ERROR: Invalid container type 'sidecar'. Supported container types are inference-server "
        "and storage-initializer\n"
    )


def test_an_ambiguous_prefix_is_wrong_usage(offline: Run) -> None:
    result = offline("online-endpoint", "update", "--re", "x")
    assert result.exit_code == 2
    assert "ambiguous option: --re could match --remove, --resource-group" in result.stderr
