"""The kind of command that every verb of every noun is.

It returns what is to be printed, or None; the flags that all verbs share are added and
dealt with here, and stand anywhere after the verb, as with az.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, get_args
from urllib.parse import urlsplit

import click

from router.cli import arguments, settings
from router.cli.control_plane import ControlPlane
from router.cli.errors import ONLY_ERRORS, CommandFailed, warn
from router.cli.options import WITHOUT_EFFECT
from router.cli.output import Format, Query, print_result

DEFAULT_URL = "http://127.0.0.1:8081"


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


def control_plane_option() -> click.Option:
    """The daemon to talk to; the command gets its address as ``control_plane``."""
    return click.Option(
        ["--control-plane"],
        type=Url(),
        envvar="TURNOUT_CONTROL_PLANE",
        default=DEFAULT_URL,
        show_default=True,
        show_envvar=True,
        help="The daemon to talk to.",
    )


def _shared_options() -> list[click.Parameter]:
    return [
        control_plane_option(),
        click.Option(["--query"], type=Query(), help="JMESPath expression: print this part only."),
        click.Option(
            ["-o", "--output"],
            type=click.Choice(get_args(Format), case_sensitive=False),
            default="json",
            show_default=True,
            help="How to print it.",
        ),
        click.Option(["-g", "--resource-group"], help="Named in ids; the daemon takes any."),
        click.Option(["-w", "--workspace-name"], help="Named in ids; the daemon takes any."),
        click.Option(["--subscription"], help="Named in ids; the daemon takes any."),
        click.Option(["--debug"], is_flag=True, help="Show the calls to the daemon on stderr."),
        click.Option(["--verbose"], is_flag=True, help="The same."),
        click.Option(
            ["--only-show-errors"], is_flag=True, help="Show neither warnings nor progress."
        ),
        click.Option(["--local"], is_flag=True, help="This daemon; so does leaving it out."),
    ]


_SHARED = (
    "control_plane",
    "query",
    "output",
    "resource_group",
    "workspace_name",
    "subscription",
    "debug",
    "verbose",
    "only_show_errors",
)


class Verb(click.Command):
    """A command that gets a ControlPlane as its object and returns what is to be printed."""

    def __init__(
        self, name: str | None, *, params: Sequence[click.Parameter] = (), **attributes: Any
    ) -> None:
        super().__init__(name, params=[*params, *_shared_options()], **attributes)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, once the words are spelled as it wants them."""
        flags = [flag for param in self.params for flag in param.opts if flag.startswith("--")]
        try:
            words = arguments.spelled_out(args, [*flags, "--help"])
        except click.UsageError:
            # A shell that completes a line wants no lecture on it.
            if not ctx.resilient_parsing:
                raise
            words = args
        arrange = arguments.gathered if arguments.CHANGE in flags else arguments.repeated
        return super().parse_args(ctx, arrange(words))

    def invoke(self, ctx: click.Context) -> None:
        """Runs the callback and prints what it returns."""
        shared = {name: ctx.params.pop(name) for name in _SHARED}
        ctx.meta[ONLY_ERRORS] = shared["only_show_errors"]
        _warn_without_effect(ctx)
        _check_local(ctx, local=ctx.params.pop("local", False))
        workspace = settings.workspace(
            shared["subscription"], shared["resource_group"], shared["workspace_name"]
        )
        log = _log if shared["debug"] or shared["verbose"] else _silent
        with closing(ControlPlane(shared["control_plane"], workspace, log)) as ctx.obj:
            print_result(super().invoke(ctx), shared["query"], shared["output"])


class Noun(click.Group):
    """A group of verbs."""

    command_class = Verb


def _warn_without_effect(ctx: click.Context) -> None:
    given = [name for name in WITHOUT_EFFECT if ctx.params.pop(name, False)]
    if given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        warn(f"these flags have no meaning here and do nothing: {flags}.")


def _check_local(ctx: click.Context, *, local: bool) -> None:
    """`--local` means the daemon that any other command talks to as well."""
    if local and ctx.params.get("no_wait"):
        raise CommandFailed(
            '"no_wait" and "local" options are mutually exclusive. Set only one option and try '
            "again."
        )


def _log(line: str) -> None:
    click.echo(f"DEBUG: {line}", err=True)


def _silent(_: str) -> None:
    """Logs nothing."""
