"""The `turnout demo` command: its flags and its end. The show itself is in rollout.py."""

from pathlib import Path

import click

from router.cli.errors import CommandFailed

# In a clone, examples/ lies beside router/.
EXAMPLES = Path(__file__).parents[3] / "examples"
NEEDED = ("endpoint.yml", "blue-deployment.yml", "green-deployment.yml", "sample-request.json")


@click.command(name="demo")
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    default=EXAMPLES,
    help="Folder with the models to roll out, made like examples/ in Turnout's repository.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for a scenario of the demo's load, with measured times, for `turnout simulate`.",
)
@click.pass_context
def command(ctx: click.Context, examples: Path, record: Path | None) -> None:
    """Show a blue/green rollout on real processes, under load, in about a minute."""
    missing = [name for name in NEEDED if not (examples / name).is_file()]
    if missing:
        raise CommandFailed(
            f"expected {', '.join(NEEDED)} in {examples}, got no {', '.join(missing)}. Run it in "
            "a clone of Turnout's repository, or name a folder with --examples"
        )

    from router.cli.demo.show import perform  # noqa: PLC0415 - rich and aiohttp are slow to import

    ctx.exit(perform(examples.resolve(), record))
