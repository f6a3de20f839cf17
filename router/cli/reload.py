"""`turnout reload`: the file read again, new workers in place of the old, nothing refused."""

from contextlib import closing

import click

from router.cli.control_plane import ControlPlane
from router.cli.errors import CommandFailed
from router.cli.verb import control_plane_option

# A worker may take its whole time to drain, one after the other.
TIMEOUT_S = 3600


@click.command(name="reload", params=[control_plane_option()])
def command(control_plane: str) -> None:
    """Read the configuration again, and replace the workers by the code that is installed now.

    One at a time; each new one serves before the old one drains: no connection is refused, and
    what was taken is answered. Fails if the configuration is refused; the one before stays in
    force then, also in the new workers.
    """
    with closing(ControlPlane(control_plane, timeout_s=TIMEOUT_S)) as client:
        status = client.call("POST", f"{control_plane}/reload").body
    for worker in status["workers"]:
        click.echo(f"worker {worker['pid']} serves", err=True)
    if error := status["configuration"]["error"]:
        raise CommandFailed(f"the configuration is refused, the one before stays in force: {error}")
