"""The flags that several verbs share, each with its one meaning."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from router.cli.arguments import CHANGE
from router.cli.errors import CommandFailed
from router.cli.name_completion import names


class Name(click.ParamType[str]):
    """The name of an endpoint or deployment; Azure's command line lower-cases what it creates."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name in lower case."""
        del param, ctx
        return str(value).lower()

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that there are."""
        return [CompletionItem(name) for name in names(ctx, param, incomplete)]


_file = click.Path(path_type=Path)

name = click.option("-n", "--name", type=Name(), required=True, help="Its name.")
name_or_file = click.option(
    "-n", "--name", type=Name(), help="Its name; goes before the file's `name`."
)
endpoint_name = click.option(
    "-e",
    "--endpoint-name",
    "endpoint_name",
    type=Name(),
    required=True,
    help="The endpoint it is behind.",
)
endpoint_name_or_file = click.option(
    "-e",
    "--endpoint-name",
    "endpoint_name",
    type=Name(),
    help="The endpoint it is behind; goes before the file's `endpoint_name`.",
)
deployment_name = click.option(
    "-d",
    "--deployment-name",
    "deployment_name",
    type=Name(),
    help="Send it to this deployment, whatever the traffic.",
)
file = click.option("-f", "--file", "file", type=_file, help="YAML in Azure's format.")
required_file = click.option(
    "-f", "--file", "file", type=_file, required=True, help="YAML in Azure's format."
)
request_file = click.option(
    "-r", "--request-file", type=_file, required=True, help="JSON to send as the request's body."
)
set_text = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE ...",
    help="Set keys of the YAML, with dots between nested ones.",
)
changes = click.option(
    "--set",
    "--add",
    "--remove",
    CHANGE,
    "changes",
    multiple=True,
    metavar="KEY=VALUE ...",
    help="Change keys as `show` prints them, with dots between nested ones; values are JSON.",
)
force_string = click.option(
    "--force-string", is_flag=True, help="With --set and --add: values are text, never JSON."
)


def generic_update(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--set`, `--add` and `--remove`, which arguments.py makes `--change` of."""
    return changes(force_string(verb))


web = click.option("-e", "--web", is_flag=True, help="Does nothing here.")
web_of_deployment = click.option("--web", is_flag=True, help="Does nothing here.")
# Of the verbs that bring a deployment up.
without_effect = (
    web_of_deployment,
    *(
        click.option(flag, is_flag=True, help="Does nothing here.")
        for flag in ("--local-enable-gpu", "--vscode-debug", "--package-model")
    ),
)
WITHOUT_EFFECT = ("web", "local_enable_gpu", "vscode_debug", "package_model")


def provisioning(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags of create and update that say how a deployment is brought up."""
    for option in without_effect:
        verb = option(verb)
    return click.option(
        "--skip-script-validation", is_flag=True, help="Don't check the script's syntax."
    )(verb)


no_wait = click.option("--no-wait", is_flag=True, help="Don't wait until it is done.")
yes = click.option("-y", "--yes", is_flag=True, help="Don't ask.")


def require_name(name: object, flag: str, key: str) -> str:
    """The name from the command line or the file.

    Raises:
        click.UsageError: neither has one.
    """
    if name is None:
        raise click.UsageError(f"Missing option '{flag}': give it, or a file with the key `{key}`.")
    return str(name).lower()


def confirm_deletion(*, yes: bool) -> None:
    """Asks before something is deleted, with az's words.

    Raises:
        click.ClickException: the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandFailed("Unable to prompt for confirmation as no tty available. Use --yes.")
    if not click.confirm("Are you sure you want to perform this operation?", err=True):
        raise CommandFailed("Operation cancelled.")
