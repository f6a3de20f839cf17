"""The programs that a run needs: Debian's packages, and virtual environments made on demand.

Debian's are only looked for. What PyPI carries is installed into .bench/ from the lock
files beside this one, with their hashes, when it is first needed.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MADE = ROOT / ".bench"
LOCKS = Path(__file__).with_name("locks")
# Command to Debian package.
DEBIAN = {
    "nginx": "nginx",
    "haproxy": "haproxy",
    "wrk": "wrk",
    "taskset": "util-linux",
}
# Only for a profile.
PROFILERS = {"perf": "linux-perf"}
# Debian puts servers where a user's PATH may not look.
SEARCHED = "/usr/sbin:/usr/bin:/usr/local/bin:/sbin:/bin"


class MissingError(Exception):
    """A program is not to be had; the message says how to get it."""


def debian(command: str) -> str:
    """The path of a command that a Debian package brings.

    Raises:
        MissingError: it is not installed.
    """
    found = shutil.which(command) or shutil.which(command, path=SEARCHED)
    if found is None:
        raise MissingError(f"{command} is missing: apt-get install {(DEBIAN | PROFILERS)[command]}")
    return found


def missing_packages() -> list[str]:
    """The Debian packages that a run needs and this machine lacks."""
    lacking = []
    for command, package in DEBIAN.items():
        try:
            debian(command)
        except MissingError:
            lacking.append(package)
    return lacking


def environment(name: str) -> Path:
    """A virtual environment with what locks/NAME.txt pins, made if it is not there.

    Raises:
        MissingError: it could not be made; the message ends with what uv said.
    """
    lock, folder = LOCKS / f"{name}.txt", MADE / name
    done = folder / ".made"
    if done.exists() and done.stat().st_mtime > lock.stat().st_mtime:
        return folder
    print(f"making .bench/{name} (once)", file=sys.stderr)
    uv = str(BIN / "uv")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"),
         "--require-hashes", "-r", str(lock)],
    ):  # fmt: skip
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise MissingError(f".bench/{name} could not be made: {made.stderr.strip()[-400:]}")
    done.touch()
    return folder


def version_of(command: str | Path, *flags: str) -> str:
    """The first line of what a program says of its version, which is on either stream."""
    said = subprocess.run([command, *flags], capture_output=True, text=True, check=False)
    lines = (said.stdout + said.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def version_in(folder: Path, package: str) -> str:
    """Name and version of a package in an environment of ours."""
    code = f"import importlib.metadata as m; print('{package}', m.version('{package}'))"
    return version_of(folder / "bin" / "python", "-c", code)
