"""`python -m router.data_plane`: starts one worker. The control plane types this, not people."""

import logging
from pathlib import Path

import click
import uvloop

from router.data_plane.worker import WorkerSettings, serve


@click.command()
@click.option("--socket", type=click.Path(path_type=Path), required=True, help="Control socket.")
@click.option("--host", required=True)
@click.option("--port", type=int, required=True)
@click.option("--max-payload-bytes", type=int, required=True)
def main(socket: Path, host: str, port: int, max_payload_bytes: int) -> None:
    """Serves until SIGTERM."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    settings = WorkerSettings(
        socket=socket, host=host, port=port, max_payload_bytes=max_payload_bytes
    )
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
