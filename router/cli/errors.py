"""How commands fail and warn: on stderr, in az's form."""

from typing import IO, Any

import click

# Where a verb notes its flag, see verb.py.
ONLY_ERRORS = "turnout.only_show_errors"


class CommandFailed(click.ClickException):
    """Ends the command with exit code 1 and `ERROR: message`."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the message on stderr."""
        click.echo(f"ERROR: {self.message}", file=file, err=True)


class Refused(CommandFailed):
    """The control plane answered with an error.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"({code}) {message}")
        self.status = status


class NotFound(CommandFailed):
    """What `show` names is not there; az has an exit code of its own for it."""

    exit_code = 3


class Unreachable(CommandFailed):
    """Nobody answers where the control plane should be."""


def user_error(message: str) -> CommandFailed:
    """What az calls a UserError: the command makes no sense in the present state."""
    return CommandFailed(f"(UserError) {message}")


def warn(message: str) -> None:
    """Prints `WARNING: message` on stderr, unless the user wants to see errors alone."""
    if not only_errors():
        click.echo(f"WARNING: {message}", err=True)


def only_errors() -> bool:
    """Whether `--only-show-errors` was given."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(ONLY_ERRORS))
