"""The kind of command that every verb of every noun is.

It returns what is to be printed, or None; the flags that all verbs share are added and
dealt with here, and stand anywhere after the verb, as with az.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, get_args
from urllib.parse import urlsplit

import click

from router.cli.control_plane import ControlPlane
from router.cli.output import Format, Query, print_result

DEFAULT_URL = "http://127.0.0.1:8081"

# az's flags that take every word up to the next flag; click's take one each.
_MANY_VALUES = ("--set",)


class Url(click.ParamType[str]):
    """The address of a control plane."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address without a slash at its end."""
        text = str(value)
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            self.fail(f"expected an address like {DEFAULT_URL}, got {text!r}", param, ctx)
        return text.rstrip("/")


def _shared_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--control-plane"],
            type=Url(),
            envvar="TURNOUT_CONTROL_PLANE",
            default=DEFAULT_URL,
            show_default=True,
            show_envvar=True,
            help="The daemon to talk to.",
        ),
        click.Option(["--query"], type=Query(), help="JMESPath expression: print this part only."),
        click.Option(
            ["-o", "--output"],
            type=click.Choice(get_args(Format), case_sensitive=False),
            default="json",
            show_default=True,
            help="How to print it.",
        ),
    ]


class Verb(click.Command):
    """A command that gets a ControlPlane as its object and returns what is to be printed."""

    def __init__(
        self, name: str | None, *, params: Sequence[click.Parameter] = (), **settings: Any
    ) -> None:
        super().__init__(name, params=[*params, *_shared_options()], **settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after `--set a=1 b=2` became `--set a=1 --set b=2`."""
        return super().parse_args(ctx, _repeat_flags(args))

    def invoke(self, ctx: click.Context) -> None:
        """Runs the callback and prints what it returns."""
        query, output = ctx.params.pop("query"), ctx.params.pop("output")
        with closing(ControlPlane(ctx.params.pop("control_plane"))) as ctx.obj:
            print_result(super().invoke(ctx), query, output)


class Noun(click.Group):
    """A group of verbs."""

    command_class = Verb


def _repeat_flags(args: Sequence[str]) -> list[str]:
    flag, repeated = "", []
    after_flag = False
    for arg in args:
        if arg.startswith("-"):
            flag = arg if arg in _MANY_VALUES else ""
            after_flag = True
        elif flag and not after_flag:
            repeated.append(flag)
        else:
            after_flag = False
        repeated.append(arg)
    return repeated
