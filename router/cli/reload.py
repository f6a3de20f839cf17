"""`turnout reload`: new workers in place of the old, without a refused connection."""

from contextlib import closing

import click

from router.cli.control_plane import ControlPlane
from router.cli.verb import DEFAULT_URL, Url

# A worker may take its whole time to drain, one after the other.
TIMEOUT_S = 3600


@click.command(name="reload")
@click.option(
    "--control-plane",
    "url",
    type=Url(),
    envvar="TURNOUT_CONTROL_PLANE",
    default=DEFAULT_URL,
    show_default=True,
    show_envvar=True,
    help="The daemon to talk to.",
)
def command(url: str) -> None:
    """Replace the workers one at a time, by the code that is installed now.

    Each new one serves before the old one drains: no connection is refused, and what was
    taken is answered.
    """
    with closing(ControlPlane(url, timeout_s=TIMEOUT_S)) as control_plane:
        status = control_plane.call("POST", f"{url}/reload").body
    for worker in status["workers"]:
        click.echo(f"worker {worker['pid']} serves", err=True)
