"""Groups whose commands are imported when they are used, so that each starts quickly."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class LazyCommand(NamedTuple):
    """A command that is not imported yet.

    Attributes:
        module: where it is.
        summary: its line in the group's help.
        attribute: its name there.
    """

    module: str
    summary: str
    attribute: str = "command"


class LazyGroup(click.Group):
    """A group with commands that are imported by need; its own help imports none."""

    def __init__(self, name: str, *, lazy: Mapping[str, LazyCommand], **settings: Any) -> None:
        super().__init__(name, **settings)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, those at hand last."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now if it has to be."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        lazy = self._lazy[cmd_name]
        command = getattr(import_module(lazy.module), lazy.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands into the help."""
        del ctx
        rows = [(name, lazy.summary) for name, lazy in self._lazy.items()]
        rows += [(name, command.get_short_help_str()) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
