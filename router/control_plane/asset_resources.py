"""Assets, the workspace and its datastore as the API answers them (azure.md 8.5). Pure.

Each has what Azure's SDK can't do without, and nothing that would mean something else here.
"""

from router.control_plane.asset_records import Kind, StoredAsset, StoredContainer
from router.control_plane.blobs import BLOBS, DEFAULT_CONTAINER, DEFAULT_DATASTORE
from router.control_plane.blobs_api import access_query
from router.control_plane.resources import PROVIDER, system_data
from router.core.arm import LOCATION

# No Azure tenant or subscription stands behind this; clients want to see some id.
_NO_ID = "00000000-0000-0000-0000-000000000000"
_DEFAULTS: dict[Kind, dict[str, object]] = {
    "codes": {"properties": {}},
    # The SDK fails without flavors.
    "models": {"modelType": "custom_model", "flavors": {}, "properties": {}},
    "environments": {"environmentType": "UserCreated", "osType": "Linux"},
}


def version_resource(asset: StoredAsset, workspace: str) -> dict[str, object]:
    """The answer to a GET of a version."""
    return {
        "id": f"{workspace}/{asset.id.path}",
        "name": asset.id.version,
        "type": f"{PROVIDER}/workspaces/{asset.id.kind}/versions",
        "systemData": system_data(asset.created_at, asset.modified_at),
        "properties": {
            "tags": {},
            "isAnonymous": False,
            "isArchived": False,
            **_DEFAULTS[asset.id.kind],
            **asset.properties,
            "provisioningState": "Succeeded",
        },
    }


def container_resource(
    container: StoredContainer, latest: str | None, next_version: str, workspace: str
) -> dict[str, object]:
    """The answer to a GET of all versions of a name as one.

    Args:
        latest: the version that ``@latest`` means, if there is one.
        next_version: what a client that counts versions should register next.
    """
    return {
        "id": f"{workspace}/{container.kind}/{container.name}",
        "name": container.name,
        "type": f"{PROVIDER}/workspaces/{container.kind}",
        "systemData": system_data(container.created_at, container.modified_at),
        "properties": {
            "tags": {},
            "properties": {},
            "isArchived": False,
            **container.properties,
            "latestVersion": latest,
            "nextVersion": next_version,
            "provisioningState": "Succeeded",
        },
    }


def pending_upload(origin: str, container: str, token: str) -> dict[str, object]:
    """Where a client may put the files of a code asset.

    Args:
        origin: scheme, host and port by which the client came.
    """
    uri = f"{origin}/{BLOBS}/{container}"
    return {
        "pendingUploadId": container,
        "pendingUploadType": "TemporaryBlobReference",
        "blobReferenceForConsumption": {
            "blobUri": uri,
            "storageAccountArmId": "",
            "credential": {"credentialType": "SAS", "sasUri": f"{uri}?{access_query(token)}"},
        },
    }


def workspace_resource(name: str, workspace: str, origin: str) -> dict[str, object]:
    """The answer to a GET of a workspace; every name is the one workspace of this daemon."""
    return {
        "id": workspace,
        "name": name,
        "type": f"{PROVIDER}/workspaces",
        "location": LOCATION,
        "tags": {},
        "identity": {"type": "None"},
        "properties": {
            "workspaceId": _NO_ID,
            "friendlyName": name,
            "discoveryUrl": f"{origin}/discovery",
            "provisioningState": "Succeeded",
        },
    }


def datastore_resource(workspace: str, host: str) -> dict[str, object]:
    """The answer to a GET of the datastore that every workspace has.

    Args:
        host: with the port, by which the client came.
    """
    return {
        "id": f"{workspace}/datastores/{DEFAULT_DATASTORE}",
        "name": DEFAULT_DATASTORE,
        "type": f"{PROVIDER}/workspaces/datastores",
        "properties": {
            "datastoreType": "AzureBlob",
            # Clients put `https://` before and `.blob.core…` after; the latter is a fragment now.
            "accountName": f"{host}/{BLOBS}#",
            "containerName": DEFAULT_CONTAINER,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "isDefault": True,
            "credentials": {"credentialsType": "Sas"},
            "tags": {},
            "properties": {},
        },
    }


def datastore_secrets(token: str) -> dict[str, object]:
    """The answer to listSecrets of that datastore."""
    return {"secretsType": "Sas", "sasToken": access_query(token)}
