"""Completes the names of endpoints and deployments while a command line is typed.

The daemon knows them. Where it can't be asked at once, nothing is completed and nothing said.
"""

from contextlib import closing

import click

from router.cli import settings
from router.cli.control_plane import ControlPlane, deployment_path, endpoint_path
from router.core.errors import TurnoutError

# Someone waits with a finger on the Tab key.
TIMEOUT_S = 0.5


def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The names that ``incomplete`` may become: of endpoints, or of the deployments of one."""
    path = _path(ctx, param)
    if path is None:
        return []
    try:
        with closing(_control_plane(ctx)) as control_plane:
            bodies = control_plane.get(path)["value"]
    except (click.ClickException, TurnoutError):
        return []
    return [body["name"] for body in bodies if body["name"].startswith(incomplete.lower())]


def _path(ctx: click.Context, param: click.Parameter) -> str | None:
    """What to list; None for deployments before their endpoint was typed."""
    of_deployments = any(one.name == "endpoint_name" for one in ctx.command.params)
    if param.name == "deployment_name":
        endpoint = ctx.params.get("name")
    elif param.name == "name" and of_deployments:
        endpoint = ctx.params.get("endpoint_name")
    else:
        return endpoint_path()
    return deployment_path(endpoint) if endpoint else None


def _control_plane(ctx: click.Context) -> ControlPlane:
    given = (ctx.params.get(key) for key in ("subscription", "resource_group", "workspace_name"))
    return ControlPlane(
        ctx.params["control_plane"], settings.workspace(*given), timeout_s=TIMEOUT_S
    )
