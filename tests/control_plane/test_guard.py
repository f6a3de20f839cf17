"""Who may call the control plane: real daemons, with a token and without."""

from pathlib import Path

import aiohttp
import pytest

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import ENDPOINTS, Client, Daemon

TOKEN = "a-token-of-more-than-16-characters"
CONFIG = {"data_plane": {"port": 0}, "control_plane": {"port": 0, "token_file": "token"}}


def write_token(folder: Path, text: str = TOKEN + "\n", mode: int = 0o600) -> None:
    (folder / "token").write_text(text)
    (folder / "token").chmod(mode)


async def status_of(
    daemon: Daemon, path: str, headers: dict[str, str]
) -> tuple[int, dict[str, str]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(daemon.addresses["control_base"] + path, headers=headers) as response,
    ):
        body = await response.json()
        return response.status, body.get("error", {}) if isinstance(body, dict) else {}


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer  {TOKEN}"],
)
async def test_with_a_token_every_route_asks_for_it(
    start_daemon: StartDaemon, folder: Path, authorization: str | None
) -> None:
    write_token(folder)
    daemon = start_daemon(**CONFIG).wait_ready()
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in (ENDPOINTS, "/status", "/openapi.json", "/no/such/route"):
        status, error = await status_of(daemon, path, headers)
        assert (status, error["code"]) == (401, "Unauthorized")
        assert "TURNOUT_TOKEN" in error["message"]


async def test_who_shows_the_token_is_served(start_daemon: StartDaemon, folder: Path) -> None:
    write_token(folder)
    daemon = start_daemon(**CONFIG).wait_ready()
    for scheme in ("Bearer", "bearer"):
        status, _ = await status_of(daemon, ENDPOINTS, {"Authorization": f"{scheme} {TOKEN}"})
        assert status == 200
    assert TOKEN not in daemon.log.read_text()


@pytest.mark.parametrize(
    ("settings", "text", "mode", "said"),
    [
        ({"host": "0.0.0.0"}, TOKEN, 0o600, "expected `control_plane.token_file`, got none"),
        ({"token_file": "missing"}, TOKEN, 0o600, "expected a file with a token in"),
        ({"token_file": "token"}, TOKEN, 0o640, "expected a file that only this user can read"),
        ({"token_file": "token"}, "short", 0o600, "expected a token of at least 16 printable"),
        ({"token_file": "token"}, "zwölf Zeichen und mehr", 0o600, "expected a token of at least"),
    ],
    ids=["none, for all to reach", "missing", "open to a group", "short", "not ASCII"],
)
def test_a_daemon_that_anybody_could_command_does_not_start(
    start_daemon: StartDaemon,
    folder: Path,
    settings: dict[str, str],
    text: str,
    mode: int,
    said: str,
) -> None:
    write_token(folder, text, mode)
    daemon = start_daemon(data_plane={"port": 0}, control_plane={"port": 0, **settings})
    assert daemon.wait() == 1
    message = daemon.log.read_text().splitlines()[-1]
    assert message.startswith(f"turnout: {said}")
    assert text not in message


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Origin": "https://evil.example"}, "expected no call from another site"),
        ({"Origin": "null"}, "expected no call from another site"),
        ({"Host": "evil.example"}, "expected an address of this machine in the header Host"),
        ({"Host": "10.0.0.1:80"}, "expected an address of this machine in the header Host"),
    ],
)
async def test_no_web_page_can_call_a_control_plane_on_loopback(
    start_daemon: StartDaemon, headers: dict[str, str], said: str
) -> None:
    daemon = start_daemon().wait_ready()
    status, error = await status_of(daemon, ENDPOINTS, headers)
    assert (status, error["code"]) == (403, "Forbidden")
    assert error["message"].startswith(said)
    async with Client(daemon) as client:
        assert (await client.call("GET", "")).status == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.1.2.3:80"])
async def test_every_name_of_this_machine_will_do(start_daemon: StartDaemon, host: str) -> None:
    daemon = start_daemon().wait_ready()
    assert (await status_of(daemon, ENDPOINTS, {"Host": host}))[0] == 200
