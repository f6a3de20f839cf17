"""`turnout sdk-env`: the environment in which Azure's Python SDK talks to this daemon.

`eval "$(turnout sdk-env)"` and the unmodified package azure-ai-ml finds the control plane
and trusts its certificate (azure.md 8.6).
"""

import shlex
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import click

from router.cli.control_plane import ControlPlane
from router.cli.errors import user_error
from router.cli.verb import control_plane_option

_LOOPBACK = {"127.0.0.1", "::1"}


@click.command(name="sdk-env", params=[control_plane_option()])
def command(control_plane: str) -> None:
    """Print what a shell must set for the Azure ML SDK: `eval "$(turnout sdk-env)"`."""
    with closing(ControlPlane(control_plane)) as client:
        status = client.get(f"{control_plane}/status")
    for line in exports(status):
        click.echo(line)


def exports(status: dict[str, Any]) -> list[str]:
    """Lines for a shell, from what the daemon's status says.

    Raises:
        CommandFailed: the daemon has no HTTPS, without which the SDK sends no token.
    """
    if status["tls_base"] is None:
        raise user_error(
            "expected a daemon with HTTPS, which Azure's SDK insists on, got one without. Set "
            "`control_plane.tls_port` in its turnout.yml to a port, and start it again"
        )
    host, base = _named(status["tls_base"])
    return [
        f"export AZUREML_DEV_URL_MFE={shlex.quote(base)}",
        f"export REQUESTS_CA_BUNDLE={shlex.quote(status['certificate'])}",
        # A proxy would not find this machine under that name.
        f'export NO_PROXY={shlex.quote(host)}"${{NO_PROXY:+,$NO_PROXY}}"',
    ]


def _named(url: str) -> tuple[str, str]:
    """The host, and the URL with it; loopback by the name that people and proxies know."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host not in _LOOPBACK:
        return host, url
    return "localhost", f"https://localhost:{parts.port}"
