"""Where the control plane keeps versions of assets, and which version of a name comes next."""

from urllib.parse import quote

from router.cli.asset_specs import Kind
from router.cli.control_plane import ControlPlane

FIRST_VERSION = "1"


def asset_path(kind: Kind, name: str = "", version: str = "") -> str:
    """The path of a version, of a name with all its versions, or of all names of a kind."""
    path = f"/{kind}" + (f"/{quote(name, safe='')}" if name else "")
    return path + (f"/versions/{quote(version, safe='')}" if version else "")


def next_version(control_plane: ControlPlane, kind: Kind, name: str) -> str:
    """The version that is to be registered next under a name."""
    container = control_plane.find(asset_path(kind, name))
    return str(container["properties"]["nextVersion"]) if container else FIRST_VERSION
