"""Endpoints, deployments and operations as the API answers them (azure.md 8.2, 8.3). Pure."""

from collections.abc import Mapping

from msgspec import to_builtins

from router.control_plane.records import StoredDeployment, StoredEndpoint, StoredOperation
from router.core.arm import deployment_to_arm, endpoint_to_arm
from router.core.instances_state import InstancesState

PROVIDER = "Microsoft.MachineLearningServices"
_TYPE = f"{PROVIDER}/workspaces/onlineEndpoints"
# What the service adds to a resource's own properties; clients send it back with a PUT.
ENDPOINT_ID_PROPERTY = "azureml.onlineendpointid"
CREATOR = "turnout"


def endpoint_resource(
    endpoint: StoredEndpoint, workspace_path: str, scoring_base: str
) -> dict[str, object]:
    """The answer to a GET of an endpoint."""
    name = endpoint.spec.name
    path = f"{workspace_path}/onlineEndpoints/{name}"
    body = endpoint_to_arm(endpoint.spec)
    properties = _object(body["properties"])
    return body | {
        "id": path,
        "name": name,
        "type": _TYPE,
        "kind": "Kubernetes" if endpoint.spec.is_kubernetes else "Managed",
        "systemData": system_data(endpoint.created_at, endpoint.modified_at),
        "properties": {
            **properties,
            "properties": {
                **_object(properties["properties"]),
                ENDPOINT_ID_PROPERTY: path.lower(),
            },
            "provisioningState": endpoint.state,
            "scoringUri": f"{scoring_base}/{name}/score",
            "swaggerUri": f"{scoring_base}/{name}/swagger.json",
        },
    }


def deployment_resource(
    deployment: StoredDeployment, instances: InstancesState | None, workspace_path: str
) -> dict[str, object]:
    """The answer to a GET of a deployment."""
    spec = deployment.spec
    body = deployment_to_arm(spec)
    properties = {
        **_object(body["properties"]),
        **_asset_properties(deployment, workspace_path),
        "provisioningState": deployment.state,
    }
    if deployment.error is not None:
        properties["provisioningError"] = {"code": "DeploymentFailed", "message": deployment.error}
    if instances is not None:
        properties["instances"] = to_builtins(instances)
    return body | {
        "id": f"{workspace_path}/onlineEndpoints/{spec.endpoint_name}/deployments/{spec.name}",
        "name": spec.name,
        "type": f"{_TYPE}/deployments",
        "kind": spec.type.capitalize(),
        "systemData": system_data(deployment.created_at, deployment.modified_at),
        "properties": properties,
    }


def operation_status(operation: StoredOperation, path: str) -> dict[str, object]:
    """The answer to a poll."""
    status: dict[str, object] = {
        "id": path,
        "name": operation.id,
        "status": operation.status,
        "startTime": operation.started_at,
        "percentComplete": 100.0 if operation.ended_at is not None else 0.0,
        "properties": {"message": operation.message, "warnings": list(operation.warnings)},
    }
    if operation.ended_at is not None:
        status["endTime"] = operation.ended_at
    if operation.error is not None:
        status["error"] = {"code": operation.error.code, "message": operation.error.message}
    return status


def _asset_properties(deployment: StoredDeployment, workspace_path: str) -> dict[str, object]:
    """The ids of the registered assets that were named, in place of what they stood for."""
    ids = {kind: f"{workspace_path}/{asset.path}" for kind, asset in deployment.assets.items()}
    found: dict[str, object] = {}
    if "codes" in ids:
        script = deployment.spec.code_configuration.scoring_script
        found["codeConfiguration"] = {"codeId": ids["codes"], "scoringScript": script}
    if "models" in ids:
        found["model"] = ids["models"]
    if "environments" in ids:
        found["environmentId"] = ids["environments"]
        found["environment"] = None
    return found


def system_data(created_at: str, modified_at: str) -> dict[str, object]:
    """When a resource was made and last changed, in ISO 8601; by whom is not told apart."""
    return {
        "createdAt": created_at,
        "createdBy": CREATOR,
        "createdByType": "Application",
        "lastModifiedAt": modified_at,
        "lastModifiedBy": CREATOR,
        "lastModifiedByType": "Application",
    }


def _object(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict)
    return value
