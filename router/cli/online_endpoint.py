"""`turnout ml online-endpoint`: the verbs of azure.md 3.1."""

from pathlib import Path
from typing import Any

import click

from router.cli import options
from router.cli.assignments import change, mirror_traffic, set_text, traffic
from router.cli.control_plane import ControlPlane, deployment_path, endpoint_path, show_or_exit
from router.cli.errors import CommandFailed, user_error, warn
from router.cli.files import read_json
from router.cli.operations import wait
from router.cli.scoring import score
from router.cli.shapes import endpoint_plain, endpoint_shape, listed, with_zeros
from router.cli.specs import check_same_name, endpoint_spec, warn_of_keys_without_meaning
from router.cli.verb import Noun
from router.core.arm import endpoint_to_arm
from router.core.endpoint_spec import EndpointSpec
from router.core.rules import check_name
from router.yaml_files import read_yaml

NO_CONTENT = 204
KEY_TYPES = {"primary": "Primary", "secondary": "Secondary"}

command = Noun("online-endpoint", help="What clients call: a name, keys and traffic rules.")


@command.command()
@options.name_or_file
@options.file
@click.option("--auth-mode", help="How clients prove who they are: key or aml_token.")
@options.set_text
@options.no_wait
@options.web
@click.pass_obj
def create(
    control_plane: ControlPlane,
    *,
    name: str | None,
    file: Path | None,
    auth_mode: str | None,
    assignments: tuple[str, ...],
    no_wait: bool,
) -> dict[str, Any] | None:
    """Create an endpoint, from a file or with a name alone."""
    raw = read_yaml(file) if file else {}
    set_text(raw, assignments, EndpointSpec)
    raw["name"] = options.require_name(name or raw.get("name"), "--name", "name")
    if auth_mode is not None:
        raw["auth_mode"] = auth_mode
    spec = endpoint_spec(raw, str(file or "command line"))
    check_name("endpoint", spec.name)
    warn_of_keys_without_meaning(spec)
    if control_plane.find(endpoint_path(spec.name)) is not None:
        raise user_error(
            "An endpoint with this name already exists. If you are trying to create a new "
            "endpoint, use a different name. If you are trying to update an existing endpoint, "
            "use `az ml online-endpoint update` instead."
        )
    return _put(control_plane, spec, no_wait=no_wait)


@command.command()
@options.name_or_file
@options.file
@click.option("-r", "--traffic", "traffic_text", help='Live percents, e.g. "blue=90 green=10".')
@click.option("--mirror-traffic", "mirror_text", help='Mirrored percent, e.g. "green=10".')
@options.generic_update
@options.no_wait
@options.web
@click.pass_obj
def update(
    control_plane: ControlPlane,
    *,
    name: str | None,
    file: Path | None,
    traffic_text: str | None,
    mirror_text: str | None,
    changes: tuple[str, ...],
    force_string: bool,
    no_wait: bool,
) -> dict[str, Any] | None:
    """Change an endpoint; keys that are not named stay as they are."""
    given = read_yaml(file) if file else {}
    if traffic_text is not None:
        given["traffic"] = traffic(traffic_text)
    if mirror_text is not None:
        given["mirror_traffic"] = mirror_traffic(mirror_text)
    name = options.require_name(name or given.get("name"), "--name", "name")
    body = control_plane.find(endpoint_path(name))
    if body is None:
        raise CommandFailed("Endpoint does not exist")
    raw = {**endpoint_plain(body), **given, "name": name}
    change(raw, changes, EndpointSpec, force_string=force_string)
    check_same_name("name", name, raw)
    spec = endpoint_spec(raw, str(file or "command line"))
    return _put(control_plane, spec, no_wait=no_wait)


@command.command()
@options.name
@options.web
@click.pass_obj
def show(control_plane: ControlPlane, *, name: str) -> dict[str, Any]:
    """Print an endpoint."""
    endpoint = endpoint_shape(show_or_exit(control_plane, endpoint_path(name)))
    return with_zeros(endpoint, _deployment_names(control_plane, name))


@command.command(name="list")
@click.pass_obj
def list_(control_plane: ControlPlane) -> list[dict[str, Any]]:
    """Print all endpoints, shortened."""
    bodies = control_plane.get(endpoint_path())["value"]
    return [listed("endpoint", endpoint_shape(body)) for body in bodies]


@command.command()
@options.name
@options.yes
@options.no_wait
@click.pass_obj
def delete(control_plane: ControlPlane, *, name: str, yes: bool, no_wait: bool) -> None:
    """Delete an endpoint and its deployments."""
    options.confirm_deletion(yes=yes)
    reply = control_plane.call("DELETE", endpoint_path(name))
    if reply.status == NO_CONTENT:
        raise CommandFailed(f"Online endpoint {name} does not exist.")
    if not no_wait:
        wait(control_plane, reply, f"Deleting endpoint {name}")


@command.command()
@options.name
@click.pass_obj
def get_credentials(control_plane: ControlPlane, *, name: str) -> dict[str, Any]:
    """Print an endpoint's keys, or a token for it."""
    return _credentials(control_plane, control_plane.get(endpoint_path(name)))


@command.command()
@options.name
@click.option("--key-type", default="primary", show_default=True, help="primary or secondary.")
@options.no_wait
@click.pass_obj
def regenerate_keys(
    control_plane: ControlPlane, *, name: str, key_type: str, no_wait: bool
) -> None:
    """Replace one of an endpoint's keys by a new one."""
    if key_type.lower() not in KEY_TYPES:
        raise CommandFailed("Key type must be 'primary' or 'secondary'.")
    body = {"keyType": KEY_TYPES[key_type.lower()]}
    reply = control_plane.call("POST", f"{endpoint_path(name)}/regenerateKeys", body)
    if not no_wait:
        wait(control_plane, reply, f"Regenerating the {key_type.lower()} key of {name}")


@command.command()
@options.name
@options.deployment_name
@options.request_file
@click.pass_obj
def invoke(
    control_plane: ControlPlane, *, name: str, deployment_name: str | None, request_file: Path
) -> str:
    """Send a request to an endpoint and print the answer, as one JSON string."""
    request = read_json(request_file)
    if deployment_name is not None:
        _check_deployment(deployment_name, _deployment_names(control_plane, name))
    endpoint = control_plane.get(endpoint_path(name))
    credentials = _credentials(control_plane, endpoint)
    key = credentials.get("primaryKey") or credentials["accessToken"]
    return score(endpoint["properties"]["scoringUri"], key, request, deployment_name)


def _credentials(control_plane: ControlPlane, endpoint: dict[str, Any]) -> dict[str, Any]:
    verb = "token" if endpoint["properties"]["authMode"] == "AMLToken" else "listKeys"
    path = f"{endpoint_path(endpoint['name'])}/{verb}"
    credentials: dict[str, Any] = control_plane.call("POST", path).body
    return credentials


def _put(
    control_plane: ControlPlane, spec: EndpointSpec, *, no_wait: bool
) -> dict[str, Any] | None:
    reply = control_plane.call("PUT", endpoint_path(spec.name), endpoint_to_arm(spec))
    if no_wait:
        warn(
            "Endpoint create/update request initiated. Status can be checked using "
            f"`turnout ml online-endpoint show -n {spec.name}`"
        )
        return None
    wait(control_plane, reply, f"Updating endpoint {spec.name}")
    return endpoint_shape(control_plane.get(endpoint_path(spec.name)))


def _deployment_names(control_plane: ControlPlane, endpoint: str) -> list[str]:
    bodies = control_plane.get(deployment_path(endpoint))["value"]
    return [body["name"] for body in bodies]


def _check_deployment(name: str, existing: list[str]) -> None:
    if not existing:
        raise CommandFailed("No deployment exists for this endpoint")
    if name not in existing:
        raise CommandFailed(f"Deployment name {name} not found for this endpoint")
