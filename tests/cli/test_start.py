"""How the command starts: quickly, and `serve` with the right settings."""

import subprocess
import sys
from pathlib import Path

import pytest

from router.cli.serve import read_config
from router.core.config import DaemonConfig

SLOW = {"aiohttp", "grpc", "rich", "jmespath", "uvloop", "tabulate"}


@pytest.mark.parametrize(
    "words", [["--help"], ["ml", "--help"], ["ml", "online-endpoint", "--help"]]
)
def test_help_imports_nothing_that_it_does_not_need(words: list[str]) -> None:
    program = (
        "import sys\nfrom router.cli.main import cli\n"
        f"cli({words!r}, standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert not SLOW & set(done.stderr.split())
    assert "Usage: " in done.stdout


def test_without_a_file_all_settings_are_defaults_and_paths_are_from_here(folder: Path) -> None:
    assert read_config(None, folder) == (DaemonConfig(), folder, None)


def test_a_turnout_yml_in_the_working_folder_is_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "turnout.yml").write_text("state_dir: elsewhere")
    expected = DaemonConfig(state_dir="elsewhere"), folder, folder / "turnout.yml"
    assert read_config(None, folder) == expected


def test_paths_are_relative_to_the_file_that_was_named(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "t.yml").write_text("control_plane: {port: 0}")
    config, base_dir, path = read_config(folder / "sub" / "t.yml", Path.cwd())
    assert path == folder / "sub" / "t.yml"
    assert config.control_plane.port == 0
    assert base_dir == folder / "sub"
