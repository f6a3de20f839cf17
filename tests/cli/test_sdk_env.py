"""`turnout sdk-env`: what a shell has to set, for shells with hard cases in their paths."""

import subprocess
from typing import Any

import pytest

from router.cli.errors import CommandFailed
from router.cli.sdk_env import exports
from tests.cli.conftest import Run

STATUS: dict[str, Any] = {
    "tls_base": "https://127.0.0.1:8443",
    "certificate": "/a folder/it's/cert.pem",
}


def after(lines: list[str], name: str, **environment: str) -> str:
    script = "\n".join([*lines, f'printf %s "${name}"'])
    done = subprocess.run(
        ["/bin/sh", "-c", script], capture_output=True, check=True, text=True, env=environment
    )
    return done.stdout


def test_a_shell_gets_the_address_and_the_certificate() -> None:
    lines = exports(STATUS)
    assert after(lines, "AZUREML_DEV_URL_MFE") == "https://localhost:8443"
    assert after(lines, "REQUESTS_CA_BUNDLE") == STATUS["certificate"]


def test_proxies_stay_but_for_this_host() -> None:
    lines = exports(STATUS)
    assert after(lines, "NO_PROXY") == "localhost"
    assert after(lines, "NO_PROXY", NO_PROXY="a.b,c") == "localhost,a.b,c"


def test_a_host_of_its_own_is_named_as_it_is() -> None:
    lines = exports({**STATUS, "tls_base": "https://router.lan:1"})
    assert after(lines, "AZUREML_DEV_URL_MFE") == "https://router.lan:1"
    assert after(lines, "NO_PROXY") == "router.lan"


def test_a_daemon_without_tls_is_refused_with_the_setting() -> None:
    with pytest.raises(CommandFailed, match=r"control_plane\.tls_port"):
        exports({"tls_base": None, "certificate": None})


def test_it_asks_the_running_daemon(run: Run) -> None:
    printed = run("sdk-env")
    assert printed.exit_code == 0, printed.stderr
    assert after(printed.stdout.splitlines(), "REQUESTS_CA_BUNDLE").endswith("/tls/cert.pem")


def test_without_a_daemon_it_says_how_to_start_one(offline: Run) -> None:
    failed = offline("sdk-env")
    assert failed.exit_code == 1
    assert "turnout serve" in failed.stderr
