"""The registry: named, versioned code, models and environments.

What a version holds never changes (azure.md 8.4): its files are copied by their content
when it is put, from an upload or from this machine. Bodies over HTTP are assets_api.py's,
references in deployments resolver.py's.
"""

import asyncio
import re

import yaml

from router.control_plane.asset_records import AssetId, Kind, StoredAsset, StoredContainer
from router.control_plane.asset_references import NAME_PATTERN
from router.control_plane.assets import Assets
from router.control_plane.blob_uris import locate
from router.control_plane.blobs import Blobs
from router.control_plane.conda_text import parse_conda
from router.control_plane.records import now
from router.control_plane.store import Store
from router.control_plane.tasks import in_thread
from router.core.errors import BadRequest, Conflict, ResourceNotFound

_URI_KEY: dict[Kind, str] = {"codes": "codeUri", "models": "modelUri"}
# What makes an environment what it is; the rest may be changed.
_ENVIRONMENT_KEYS = ("condaFile", "image", "build", "osType", "inferenceConfig")
NAMES_SAID_MAX = 10


class Registry:
    """All registered assets of a control plane."""

    def __init__(self, store: Store, assets: Assets, blobs: Blobs) -> None:
        self._store = store
        self._assets = assets
        self._blobs = blobs

    async def put(
        self, asset_id: AssetId, properties: dict[str, object]
    ) -> tuple[StoredAsset, bool]:
        """Registers a version, or changes what may be changed of it: description, archived, ….

        Args:
            properties: in the API's words. The URI of code and models is that of an upload,
                or an absolute path on this machine.

        Returns:
            The version, and whether it is new.

        Raises:
            BadRequest: a bad name, or content that can't be read.
            Conflict: the version is there with other content.
        """
        _check_name("name", asset_id.name)
        _check_name("version", asset_id.version)
        before = self._store.asset(asset_id)
        if asset_id.kind == "environments":
            properties, path = _environment_properties(properties), None
        else:
            properties, path = await self._content(asset_id.kind, properties, before)
        # Again, because another call may have come first while files were copied.
        old = self._store.asset(asset_id)
        if old is not None and not _same_content(old, properties, path):
            raise Conflict(
                f"{asset_id.short} already exists with other content, and a version never "
                f"changes. Register this one with another version."
            )
        time = now()
        asset = StoredAsset(
            id=asset_id,
            properties=properties,
            path=path,
            created_at=time if old is None else old.created_at,
            modified_at=time,
        )
        self._store.save_asset(asset)
        return asset, old is None

    def find(self, asset_id: AssetId) -> StoredAsset | None:
        """The version, or None."""
        return self._store.asset(asset_id)

    def get(self, asset_id: AssetId) -> StoredAsset:
        """The version.

        Raises:
            ResourceNotFound: there is none.
        """
        asset = self._store.asset(asset_id)
        if asset is None:
            raise ResourceNotFound(
                f"expected a version of one of the {asset_id.kind}, got {asset_id.short!r}. "
                f"{self.known(asset_id.kind, asset_id.name)}"
            )
        return asset

    def delete(self, asset_id: AssetId) -> bool:
        """Forgets a version; deployments of it keep their copy. Whether there was one."""
        found = self._store.asset(asset_id) is not None
        self._store.delete_asset(asset_id)
        return found

    def versions(self, kind: Kind, name: str) -> list[StoredAsset]:
        """All versions of a name, the newest first; none if there is no such name."""
        return self._store.assets(kind, name)[::-1]

    def with_hash(self, content_hash: str) -> list[StoredAsset]:
        """The code assets whose client computed this hash, whatever their names."""
        return [
            asset
            for asset in self._store.assets("codes")
            if _own_properties(asset).get("hash_sha256") == content_hash
        ]

    def names(self, kind: Kind) -> list[str]:
        """Every name that a user gave a version, in alphabetical order."""
        return sorted({asset.id.name for asset in self._store.assets(kind) if not asset.anonymous})

    def latest(self, kind: Kind, name: str) -> StoredAsset | None:
        """The version that was registered last and isn't archived."""
        return next((a for a in self.versions(kind, name) if not a.archived), None)

    def next_version(self, kind: Kind, name: str) -> str:
        """One above the highest version that is a number; archived ones count."""
        versions = [asset.id.version for asset in self._store.assets(kind, name)]
        return str(max((int(v) for v in versions if v.isdecimal()), default=0) + 1)

    def container(self, kind: Kind, name: str) -> StoredContainer:
        """What is known of a name as a whole.

        Raises:
            ResourceNotFound: there is no such name.
        """
        container = self._store.container(kind, name)
        if container is not None:
            return container
        versions = self._store.assets(kind, name)
        if not versions:
            raise ResourceNotFound(
                f"expected a name of one of the {kind}, got {name!r}. {self.known(kind, name)}"
            )
        return StoredContainer(
            kind=kind,
            name=name,
            created_at=versions[0].created_at,
            modified_at=versions[-1].created_at,
        )

    def put_container(
        self, kind: Kind, name: str, properties: dict[str, object]
    ) -> tuple[StoredContainer, bool]:
        """Says something of a name as a whole, with versions or without; archives or restores it.

        Returns:
            The container, and whether it is new.
        """
        _check_name("name", name)
        time = now()
        try:
            old = self.container(kind, name)
        except ResourceNotFound:
            old = None
        container = StoredContainer(
            kind=kind,
            name=name,
            created_at=time if old is None else old.created_at,
            modified_at=time,
            properties=properties,
        )
        self._store.save_container(container)
        return container, old is None

    def known(self, kind: Kind, name: str) -> str:
        """What there is, for a message about what there isn't: versions of the name, or names."""
        versions = [asset.id.short for asset in self.versions(kind, name)]
        known = versions or [f"{known}@latest" for known in self.names(kind)]
        if not known:
            return f"There are no {kind} yet."
        more = ", …" if len(known) > NAMES_SAID_MAX else ""
        return f"There are: {', '.join(known[:NAMES_SAID_MAX])}{more}."

    async def _content(
        self, kind: Kind, properties: dict[str, object], old: StoredAsset | None
    ) -> tuple[dict[str, object], str | None]:
        """The properties with the URI they keep, and the path of a copy of what it names."""
        uri_key = _URI_KEY[kind]
        uri, key = str(properties[uri_key]), f"$.properties.{uri_key}"
        if old is not None and uri == old.properties[uri_key]:
            return properties, old.path
        upload = await asyncio.to_thread(locate, self._blobs, uri, key)
        if upload is None and not uri.startswith("/"):
            raise BadRequest(
                f"expected an upload to this daemon or an absolute path on its machine, got "
                f"{uri!r}, at `{key}`"
            )
        path = await in_thread(
            self._assets.stage_asset,
            uri if upload is None else str(upload),
            is_folder=kind == "codes",
            key=key,
        )
        return {**properties, uri_key: path if upload is None else uri}, path


def _check_name(what: str, value: str) -> None:
    if not re.fullmatch(NAME_PATTERN, value):
        raise BadRequest(
            f"expected a {what} of 1 to 255 letters, digits, `-`, `_` and `.` that begins with a "
            f"letter or digit, got {value!r}"
        )


def _own_properties(asset: StoredAsset) -> dict[str, object]:
    own = asset.properties.get("properties")
    return own if isinstance(own, dict) else {}


def _environment_properties(properties: dict[str, object]) -> dict[str, object]:
    """With the conda file as text, which Azure's clients expect."""
    conda_file = properties.get("condaFile")
    if conda_file is None:
        return properties
    if isinstance(conda_file, str):
        parse_conda(conda_file, "$.properties.condaFile")
        return properties
    return {**properties, "condaFile": yaml.safe_dump(conda_file, sort_keys=False)}


def _same_content(old: StoredAsset, properties: dict[str, object], path: str | None) -> bool:
    if old.id.kind != "environments":
        return old.path == path
    return all(old.properties.get(key) == properties.get(key) for key in _ENVIRONMENT_KEYS)
