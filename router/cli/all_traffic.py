"""`--all-traffic`: a new deployment gets all live requests once it serves."""

from msgspec.structs import replace

from router.cli.control_plane import ControlPlane, endpoint_path
from router.cli.operations import wait
from router.cli.shapes import SOURCE
from router.core.arm import endpoint_from_arm, endpoint_to_arm
from router.core.deployment_spec import DeploymentSpec


def notice(spec: DeploymentSpec, *, no_wait: bool) -> str:
    """What az says before it creates a deployment that is to get all traffic (azure.md 3.2)."""
    later = (
        f"you can do it later using `turnout ml online-endpoint update --name "
        f'{spec.endpoint_name} --traffic "{spec.name}=100"`.'
    )
    if no_wait:
        return (
            f"All traffic won't be set to deployment {spec.name} since no_wait option was "
            f"provided. Once it has been provisioned, {later}"
        )
    return (
        f"All traffic will be set to deployment {spec.name} once it has been provisioned. If you "
        f"interrupt this command, {later}"
    )


def give_all_traffic(control_plane: ControlPlane, spec: DeploymentSpec) -> None:
    """Gives all live requests to the deployment; returns when they go there."""
    path = endpoint_path(spec.endpoint_name)
    present = endpoint_from_arm(spec.endpoint_name, control_plane.get(path), SOURCE)
    changed = replace(present, traffic={spec.name: 100})
    reply = control_plane.call("PUT", path, endpoint_to_arm(changed))
    wait(control_plane, reply, f"Giving all traffic to {spec.name}")
