"""Which keys of Azure's YAML have no meaning here, and are accepted all the same.

Someone who comes from Azure can bring a file as it is, and is told once what of it does
nothing. What is refused instead is in rules.py.
"""

from router.core.deployment_spec import DeploymentSpec, Environment
from router.core.endpoint_spec import EndpointSpec


def without_meaning(spec: EndpointSpec | DeploymentSpec) -> list[str]:
    """The keys, with dots between nested ones, that ``spec`` sets and that do nothing here."""
    given = _of_endpoint(spec) if isinstance(spec, EndpointSpec) else _of_deployment(spec)
    return [key for key, is_set in given.items() if is_set]


def _of_endpoint(spec: EndpointSpec) -> dict[str, bool]:
    return {
        "identity": spec.identity is not None,
        "public_network_access": spec.public_network_access != "enabled",
    }


def _of_deployment(spec: DeploymentSpec) -> dict[str, bool]:
    environment = spec.environment if isinstance(spec.environment, Environment) else None
    return {
        "model_mount_path": spec.model_mount_path is not None,
        "environment.image": environment is not None and environment.image is not None,
        "environment.build": environment is not None and environment.build is not None,
        "environment.inference_config": (
            environment is not None and environment.inference_config is not None
        ),
        "app_insights_enabled": spec.app_insights_enabled,
        "data_collector": spec.data_collector is not None,
        "egress_public_network_access": spec.egress_public_network_access != "enabled",
        "private_network_connection": spec.private_network_connection,
    }
