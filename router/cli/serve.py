"""`turnout serve`: starts the daemon in this process.

All other commands are clients of the REST API and import nothing of the control plane.
This one is the single exception, because somebody has to start it; the import stands
inside the function so that no other command pays for it.
"""

from pathlib import Path

import click

from router.core.config import DaemonConfig
from router.yaml_files import read_daemon_config

CONFIG_NAME = "turnout.yml"


@click.command(name="serve")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help=f"The daemon's settings. Without it: ./{CONFIG_NAME} if there, else all defaults.",
)
@click.pass_context
def command(ctx: click.Context, config_path: Path | None) -> None:
    """Run the daemon in the foreground, until Ctrl-C or SIGTERM."""
    config, base_dir, path = read_config(config_path, Path.cwd())

    from router.control_plane.daemon import run  # noqa: PLC0415 - see this file's docstring

    ctx.exit(run(config, base_dir, path))


def read_config(
    config_path: Path | None, working_dir: Path
) -> tuple[DaemonConfig, Path, Path | None]:
    """The daemon's settings, the folder that their paths are relative to, the file they are from.

    Both paths are absolute.
    """
    if config_path is None and (working_dir / CONFIG_NAME).exists():
        config_path = Path(CONFIG_NAME)
    if config_path is None:
        return DaemonConfig(), working_dir, None
    config, base_dir = read_daemon_config(working_dir / config_path)
    return config, base_dir, base_dir / config_path.name
