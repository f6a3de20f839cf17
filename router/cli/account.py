"""`turnout account set` and `turnout configure`: which workspace later commands name.

The daemon has one store for all of them, so this changes the ids that are printed, and
nothing else.
"""

import click

from router.cli import settings
from router.cli.errors import CommandFailed

account = click.Group("account", help="Which subscription to name.")


@account.command(name="set")
@click.option("-s", "--subscription", "-n", "--name", required=True, help="Its id or name.")
def set_(*, subscription: str) -> None:
    """Name this subscription from now on."""
    settings.save(subscription=subscription)


@click.command()
@click.option(
    "-d",
    "--defaults",
    multiple=True,
    required=True,
    metavar="KEY=VALUE ...",
    help="group=NAME and workspace=NAME; an empty value forgets.",
)
@click.argument("more", nargs=-1)
def configure(*, defaults: tuple[str, ...], more: tuple[str, ...]) -> None:
    """Keep defaults for -g and -w."""
    changes = {}
    for word in (*defaults, *more):
        key, equals, value = word.partition("=")
        if not equals or key not in settings.KEYS:
            known = " or ".join(f"{key}=NAME" for key in settings.KEYS)
            raise CommandFailed(f"expected {known}, got {word!r}, at --defaults")
        changes[key] = value
    settings.save(**changes)
