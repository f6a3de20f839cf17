"""`turnout ml model`, `environment` and `code`: register an asset, so that deployments name it.

az has no verbs for code; here all three kinds have the same ones.
"""

from functools import partial
from pathlib import Path
from typing import Any

import click

from router.cli import options
from router.cli.asset_specs import Kind, asset_spec, body
from router.cli.asset_versions import asset_path, next_version
from router.cli.assignments import key_values
from router.cli.control_plane import ControlPlane, show_or_exit
from router.cli.shapes import asset_shape
from router.cli.verb import Noun

_name = click.option("-n", "--name", required=True, help="Its name.")
_version = click.option("-v", "--version", help="Its version.")
_optional_name = click.option("-n", "--name", help="Its name.")
_label = click.option(
    "-l", "--label", type=click.Choice(["latest"]), help="The newest version that is in use."
)
_archived = (
    click.option("--include-archived", is_flag=True, help="Archived ones, too."),
    click.option("--archived-only", is_flag=True, help="Archived ones alone."),
)
_CREATE = (
    click.option("--tags", multiple=True, metavar="KEY[=VALUE] ...", help="Labels of its own."),
    options.set_text,
    options.no_wait,
)
_HELP = {
    "create": "Register a version.",
    "show": "Print a version.",
    "list": "Print all names, or the versions of one.",
    "archive": "Hide a version, or a name with all of them.",
    "restore": "Undo archive.",
}


def _noun(name: str, kind: Kind, flags: dict[str, str], summary: str) -> Noun:
    """The verbs of one kind.

    Args:
        flags: create's own, each with its help; they set the YAML's key of the same name.
    """
    noun = Noun(name, help=summary)
    own = [
        click.option(f"--{key.replace('_', '-')}", key, help=text) for key, text in flags.items()
    ]
    one = [_name, _version, _label]
    for verb, callback, params in (
        ("create", _create, [_optional_name, _version, options.file, *own, *_CREATE]),
        ("show", _show, one),
        ("list", _list, [_optional_name, *_archived]),
        ("archive", partial(_set_archived, archived=True), one),
        ("restore", partial(_set_archived, archived=False), one),
    ):
        decorated: Any = click.pass_obj(partial(callback, kind))
        for param in reversed(params):
            decorated = param(decorated)
        noun.command(name=verb, help=_HELP[verb])(decorated)
    return noun


def _create(
    kind: Kind,
    control_plane: ControlPlane,
    *,
    name: str | None,
    version: str | None,
    file: Path | None,
    tags: tuple[str, ...],
    assignments: tuple[str, ...],
    no_wait: bool,
    **given: str | None,
) -> dict[str, Any] | None:
    flags: dict[str, object] = {"name": name, "version": version, **given}
    flags["tags"] = key_values(tags) if tags else None
    known = {key: value for key, value in flags.items() if value is not None}
    spec = asset_spec(kind, file, assignments, known)
    if spec.name is None:
        raise click.UsageError("Missing option '--name': give it, or a file with the key `name`.")
    version = spec.version or next_version(control_plane, kind, spec.name)
    created = control_plane.call("PUT", asset_path(kind, spec.name, version), body(spec)).body
    return None if no_wait else asset_shape(spec.name, created)


def _show(
    kind: Kind, control_plane: ControlPlane, *, name: str, version: str | None, label: str | None
) -> dict[str, Any]:
    version = _one_version(control_plane, kind, name, version, label)
    return asset_shape(name, show_or_exit(control_plane, asset_path(kind, name, version)))


def _list(
    kind: Kind,
    control_plane: ControlPlane,
    *,
    name: str | None,
    include_archived: bool,
    archived_only: bool,
) -> list[dict[str, Any]]:
    shown = "ArchivedOnly" if archived_only else "All" if include_archived else "ActiveOnly"
    path = asset_path(kind) if name is None else f"{asset_path(kind, name)}/versions"
    found = control_plane.get(f"{path}?listViewType={shown}")["value"]
    return [asset_shape(name, one) for one in found]


def _one_version(
    control_plane: ControlPlane, kind: Kind, name: str, version: str | None, label: str | None
) -> str:
    if (version is None) == (label is None):
        raise click.UsageError("expected either --version or --label")
    if version is not None:
        return version
    container = show_or_exit(control_plane, asset_path(kind, name))
    return str(container["properties"]["latestVersion"])


def _set_archived(
    kind: Kind,
    control_plane: ControlPlane,
    *,
    name: str,
    version: str | None,
    label: str | None,
    archived: bool,
) -> None:
    path = asset_path(kind, name)
    if version is not None or label is not None:
        path = asset_path(kind, name, _one_version(control_plane, kind, name, version, label))
    present = control_plane.get(path)
    known = {"latestVersion", "nextVersion", "provisioningState"}
    properties = {k: v for k, v in present["properties"].items() if k not in known}
    control_plane.call("PUT", path, {"properties": {**properties, "isArchived": archived}})


_DESCRIPTION = {"description": "What it is."}
_PATH = {"path": "Its file or folder."}
model = _noun(
    "model", "models", {**_PATH, "type": "custom_model …", **_DESCRIPTION},
    "A model that deployments name as azureml:NAME:VERSION.",
)  # fmt: skip
environment = _noun(
    "environment", "environments",
    {"conda_file": "A conda file.", "image": "Does nothing here.", **_DESCRIPTION},
    "The Python packages that a scoring script runs with.",
)  # fmt: skip
code = _noun("code", "codes", {**_PATH, **_DESCRIPTION}, "A folder of scoring scripts.")
