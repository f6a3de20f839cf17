"""Keys and tokens are where they belong, and nowhere else."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psutil

from tests.e2e.harness import Daemon

CONTROL_TOKEN = "a-control-plane-token-of-36-letters!"
# The store, whose file only the daemon's user can read.
STORE = ("state.db", "state.db-wal", "state.db-shm")
LOGGED = ", traffic_log: true, journal: true"
SCRIPT = "def init(): pass\ndef run(raw): raise ValueError('no: ' + raw)\n"


async def test_keys_and_tokens_are_in_no_log_no_command_line_and_no_other_file(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(CONTROL_TOKEN)
    token_file.chmod(0o600)
    daemon = daemon_with("", control_plane=f", token_file: {token_file}", data_plane=LOGGED)
    os.environ["TURNOUT_TOKEN"] = CONTROL_TOKEN
    try:
        printed, secrets = await use(daemon)
    finally:
        del os.environ["TURNOUT_TOKEN"]
    secrets.append(CONTROL_TOKEN)
    places = {**processes(daemon.process.pid), "printed": printed.encode()}
    # Its logs are written out then.
    assert daemon.end() == 0
    places |= files(daemon.folder)
    for searched in ("traffic-w0.jsonl", ".journal"):
        assert searched in " ".join(places), "what is searched is there"
    for secret in secrets:
        assert len(secret) > 20
        assert [place for place, text in places.items() if secret.encode() in text] == []


async def use(daemon: Daemon) -> tuple[str, list[str]]:
    """Successes and failures; returns what commands said with --debug, and the secrets."""
    folder, printed, secrets = daemon.folder, "", []
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT)
    for name, mode in (("my-endpoint", "key"), ("token-endpoint", "aml_token")):
        (folder / "endpoint.yml").write_text(f"name: {name}\nauth_mode: {mode}\n")
        (folder / "blue.yml").write_text(
            f"name: blue\nendpoint_name: {name}\n"
            "code_configuration: {code: code/, scoring_script: score.py}\n"
        )
        printed += await daemon.debugged("ml", "online-endpoint", "create", "-f", "endpoint.yml")
        create = ("ml", "online-deployment", "create", "-f", "blue.yml", "--all-traffic")
        printed += await daemon.debugged(*create)
        # Its output is what is asked for; what it says besides is searched.
        found = await daemon.run("ml", "online-endpoint", "get-credentials", "-n", name)
        secrets += [value for value in json.loads(found).values() if len(str(value)) > 20]
        uri = json.loads(await daemon.run("ml", "online-endpoint", "show", "-n", name))
        async with aiohttp.ClientSession() as session:
            for key in (secrets[-1], secrets[-1] + "x"):
                headers = {"Authorization": f"Bearer {key}"}
                for body in (b"{}", b"\xff"):
                    async with session.post(
                        uri["scoring_uri"], data=body, headers=headers
                    ) as response:
                        printed += await response.text()
    return printed, secrets


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in STORE
    }


def processes(pid: int) -> dict[str, bytes]:
    """Command lines of the daemon and all that it has started."""
    daemon = psutil.Process(pid)
    family = [daemon, *daemon.children(recursive=True)]
    return {f"process {one.pid}": " ".join(one.cmdline()).encode() for one in family}


def test_what_holds_secrets_is_the_daemons_users_alone(daemon: Daemon) -> None:
    state = daemon.folder / ".turnout"
    for path in (state, *state.rglob("*")):
        mode = path.stat().st_mode & 0o777
        assert mode & 0o077 == 0, (path, oct(mode))
