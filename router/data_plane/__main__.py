"""`python -m router.data_plane`: starts one worker. The control plane types this, not people."""

import logging
from pathlib import Path
from typing import Any

import click
import msgspec
import uvloop

from router.core.listener_limits import ListenerLimits
from router.data_plane.open_files import with_files_for_all
from router.data_plane.worker import WorkerSettings, serve


@click.command()
@click.option("--socket", type=click.Path(path_type=Path), required=True, help="Control socket.")
@click.option("--listener", type=int, required=True, help="A file: the socket to listen on.")
@click.option("--limits", required=True, help="ListenerLimits as JSON.")
@click.option("--budgets", type=click.Path(path_type=Path), required=True, help="Shared file.")
@click.option("--worker", type=int, required=True, help="Its number, from 0.")
@click.option("--workers", type=int, required=True, help="How many there are.")
@click.option("--journal", type=click.Path(path_type=Path), help="Its folder; none without it.")
@click.option("--journal-max-bytes", type=int, default=0)
@click.option("--traffic-log", type=click.Path(path_type=Path), help="None without it.")
@click.option("--certificate", type=click.Path(path_type=Path), help="For TLS.")
@click.option("--key", type=click.Path(path_type=Path), help="For TLS.")
def main(limits: str, **options: Any) -> None:
    """Serves until SIGTERM."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    decoded = msgspec.json.decode(limits, type=ListenerLimits)
    settings = WorkerSettings(limits=with_files_for_all(decoded), **options)
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
