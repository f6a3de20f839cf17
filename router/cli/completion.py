"""`turnout completion`: the script that lets a shell complete commands and flags."""

import click
from click.shell_completion import get_completion_class

PROGRAM = "turnout"
VARIABLE = "_TURNOUT_COMPLETE"


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script for a shell: `eval "$(turnout completion bash)"`."""
    completion = get_completion_class(shell)
    assert completion is not None, shell
    click.echo(completion(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
