"""URIs of what was uploaded, as clients name it when they register it (azure.md 8.4)."""

import re
from pathlib import Path
from urllib.parse import unquote

from router.control_plane.blobs import BLOBS, DEFAULT_CONTAINER, DEFAULT_DATASTORE, Blobs
from router.core.errors import BadRequest

_BLOB_URI = re.compile(
    rf"https?://[^/]+/{BLOBS}/(?P<container>[^/?]+)(?:/(?P<path>[^?]*))?(?:\?.*)?", re.IGNORECASE
)
_DATASTORE_URI = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/workspaces/[^/]+/)?"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)",
    re.IGNORECASE,
)


def locate(blobs: Blobs, uri: str, key: str) -> Path | None:
    """The file or folder that a URI in this store names; None if it is none of this store's.

    Args:
        uri: of a blob or a folder of blobs, or of a path in the workspace's datastore.
        key: where it stands, for the message.

    Raises:
        BadRequest: it is of this store, but there is nothing, or no name of a blob.
    """
    if match := _DATASTORE_URI.fullmatch(uri):
        if match["datastore"] != DEFAULT_DATASTORE:
            raise BadRequest(
                f"expected the datastore {DEFAULT_DATASTORE}, got {match['datastore']!r} in "
                f"{uri!r}, at `{key}`"
            )
        container, path = DEFAULT_CONTAINER, match["path"]
    elif match := _BLOB_URI.fullmatch(uri):
        container, path = match["container"], unquote(match["path"] or "")
    else:
        return None
    try:
        found = blobs.existing(container, path)
    except BadRequest as error:
        raise BadRequest(f"{error.message} in {uri!r}, at `{key}`") from None
    if found is None:
        raise BadRequest(f"expected uploaded files, got {uri!r}, where none are, at `{key}`")
    return found
