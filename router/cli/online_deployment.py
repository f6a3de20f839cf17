"""`turnout ml online-deployment`: the verbs of azure.md 3.2."""

from pathlib import Path
from typing import Any

import click

from router.cli import options
from router.cli.all_traffic import give_all_traffic, notice
from router.cli.assignments import change, set_text
from router.cli.control_plane import ControlPlane, deployment_path, endpoint_path, show_or_exit
from router.cli.errors import CommandFailed, user_error, warn
from router.cli.inline_assets import with_registered_assets
from router.cli.operations import wait
from router.cli.shapes import SOURCE, deployment_plain, deployment_shape, listed
from router.cli.specs import check_same_name, located, warn_of_keys_without_meaning
from router.cli.verb import Noun
from router.core.arm import deployment_to_arm
from router.core.deployment_spec import DeploymentSpec
from router.core.parse import parse
from router.core.rules import check_name
from router.yaml_files import read_yaml

NO_CONTENT = 204
CONTAINERS = {
    "inference-server": "InferenceServer",
    "storage-initializer": "StorageInitializer",
}

command = Noun("online-deployment", help="One version of a model behind an endpoint.")


@command.command()
@options.name_or_file
@options.endpoint_name_or_file
@options.required_file
@click.option("--all-traffic", is_flag=True, help="Give it all live traffic once it serves.")
@options.set_text
@options.no_wait
@options.provisioning
@click.pass_obj
def create(
    control_plane: ControlPlane,
    *,
    name: str | None,
    endpoint_name: str | None,
    file: Path,
    all_traffic: bool,
    assignments: tuple[str, ...],
    no_wait: bool,
    skip_script_validation: bool,
) -> dict[str, Any] | None:
    """Create a deployment from a file."""
    raw = read_yaml(file)
    set_text(raw, assignments, DeploymentSpec)
    spec = _from_file(raw, file, name, endpoint_name, check=not skip_script_validation)
    check_name("deployment", spec.name)
    # Before assets are registered for a deployment that can't be.
    control_plane.get(endpoint_path(spec.endpoint_name))
    if control_plane.find(deployment_path(spec.endpoint_name, spec.name)) is not None:
        raise user_error(
            "A deployment with this name already exists. If you are trying to create a new "
            "deployment, use a different name. If you are trying to update an existing "
            "deployment, use `az ml online-deployment update` instead."
        )
    if all_traffic:
        warn(notice(spec, no_wait=no_wait))
    created = _put(control_plane, spec, f"Creating deployment {spec.name}", no_wait=no_wait)
    if all_traffic and not no_wait:
        give_all_traffic(control_plane, spec)
    return created


@command.command()
@options.name_or_file
@options.endpoint_name_or_file
@options.file
@options.generic_update
@options.no_wait
@options.provisioning
@click.pass_obj
def update(
    control_plane: ControlPlane,
    *,
    name: str | None,
    endpoint_name: str | None,
    file: Path | None,
    changes: tuple[str, ...],
    force_string: bool,
    no_wait: bool,
    skip_script_validation: bool,
) -> dict[str, Any] | None:
    """Change a deployment: to what a file says, or some keys with --set."""
    check = not skip_script_validation
    raw = read_yaml(file) if file else {}
    name = options.require_name(name or raw.get("name"), "--name", "name")
    endpoint_name = options.require_name(
        endpoint_name or raw.get("endpoint_name"), "--endpoint-name", "endpoint_name"
    )
    body = control_plane.find(deployment_path(endpoint_name, name))
    if body is None:
        raise CommandFailed("Deployment does not exist")
    if file:
        change(raw, changes, DeploymentSpec, force_string=force_string)
        spec = _from_file(raw, file, name, endpoint_name, check=check)
    else:
        raw = deployment_plain(endpoint_name, body)
        present = parse(DeploymentSpec, raw, SOURCE)
        change(raw, changes, DeploymentSpec, force_string=force_string)
        check_same_name("name", name, raw)
        check_same_name("endpoint_name", endpoint_name, raw)
        spec = _edited(present, raw, check=check)
    return _put(control_plane, spec, f"Updating deployment {name}", no_wait=no_wait)


@command.command()
@options.name
@options.endpoint_name
@options.web_of_deployment
@click.pass_obj
def show(control_plane: ControlPlane, *, name: str, endpoint_name: str) -> dict[str, Any]:
    """Print a deployment."""
    path = deployment_path(endpoint_name, name)
    body = show_or_exit(control_plane, path, "Deployment does not exist.")
    return deployment_shape(endpoint_name, body)


@command.command(name="list")
@options.endpoint_name
@click.pass_obj
def list_(control_plane: ControlPlane, *, endpoint_name: str) -> list[dict[str, Any]]:
    """Print an endpoint's deployments, shortened."""
    bodies = control_plane.get(deployment_path(endpoint_name))["value"]
    return [listed("deployment", deployment_shape(endpoint_name, body)) for body in bodies]


@command.command()
@options.name
@options.endpoint_name
@options.yes
@options.no_wait
@click.pass_obj
def delete(
    control_plane: ControlPlane, *, name: str, endpoint_name: str, yes: bool, no_wait: bool
) -> None:
    """Delete a deployment that gets no traffic."""
    options.confirm_deletion(yes=yes)
    reply = control_plane.call("DELETE", deployment_path(endpoint_name, name))
    if reply.status == NO_CONTENT:
        raise CommandFailed("Deployment does not exist.")
    if not no_wait:
        wait(control_plane, reply, f"Deleting deployment {name}")


@command.command()
@options.name
@options.endpoint_name
@click.option(
    "-l",
    "--lines",
    type=click.IntRange(min=1),
    default=5000,
    show_default=True,
    help="How many, counted from the end.",
)
@click.option(
    "-c",
    "--container",
    default="inference-server",
    show_default=True,
    help="inference-server or storage-initializer; the latter prints nothing here.",
)
@click.pass_obj
def get_logs(
    control_plane: ControlPlane, *, name: str, endpoint_name: str, lines: int, container: str
) -> None:
    """Print what a deployment's instances wrote, as plain text."""
    if container not in CONTAINERS:
        raise CommandFailed(
            f"Invalid container type '{container}'. Supported container types are "
            "inference-server and storage-initializer"
        )
    path = f"{deployment_path(endpoint_name, name)}/getLogs"
    wanted = {"tail": lines, "containerType": CONTAINERS[container]}
    content = control_plane.call("POST", path, wanted).body["content"]
    click.echo(content, nl=not content.endswith("\n"))


def _from_file(
    raw: dict[str, Any], file: Path, name: str | None, endpoint_name: str | None, *, check: bool
) -> DeploymentSpec:
    """The deployment of a YAML file; names from the command line go before the file's."""
    raw["name"] = options.require_name(name or raw.get("name"), "--name", "name")
    raw["endpoint_name"] = options.require_name(
        endpoint_name or raw.get("endpoint_name"), "--endpoint-name", "endpoint_name"
    )
    source = str(file)
    spec = located(parse(DeploymentSpec, raw, source), source, file.resolve().parent, check=check)
    warn_of_keys_without_meaning(spec)
    return spec


def _edited(present: DeploymentSpec, raw: dict[str, Any], *, check: bool) -> DeploymentSpec:
    spec = parse(DeploymentSpec, raw, "--set")
    if _assets(spec) == _assets(present):
        return spec
    return located(spec, "--set", Path.cwd(), check=check)


def _assets(spec: DeploymentSpec) -> tuple[object, ...]:
    return spec.code_configuration, spec.model, spec.environment


def _put(
    control_plane: ControlPlane, spec: DeploymentSpec, title: str, *, no_wait: bool
) -> dict[str, Any] | None:
    path = deployment_path(spec.endpoint_name, spec.name)
    spec = with_registered_assets(control_plane, spec)
    reply = control_plane.call("PUT", path, deployment_to_arm(spec))
    if no_wait:
        warn(
            "Deployment create/update request initiated. Status can be checked using `turnout ml "
            f"online-deployment show -n {spec.name} -e {spec.endpoint_name}`"
        )
        return None
    wait(control_plane, reply, title)
    return deployment_shape(spec.endpoint_name, control_plane.get(path))
