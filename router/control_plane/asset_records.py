"""What the store keeps of registered assets: versions of code, models and environments."""

from typing import Literal

from msgspec import Struct

# In the API's words: parts of a path.
Kind = Literal["codes", "models", "environments"]


class AssetId(Struct, frozen=True):
    """What names one version of an asset."""

    kind: Kind
    name: str
    version: str

    @property
    def path(self) -> str:
        """Below the workspace's path, as Azure's ids have it."""
        return f"{self.kind}/{self.name}/versions/{self.version}"

    @property
    def short(self) -> str:
        """As YAML files name it."""
        return f"azureml:{self.name}:{self.version}"


class StoredAsset(Struct, frozen=True, kw_only=True):
    """One version. Times are ISO 8601, UTC.

    Attributes:
        properties: as the API answers them (azure.md 8.4, 8.5).
        path: of the copy of what it holds; None for an environment, which is all properties.
    """

    id: AssetId
    properties: dict[str, object]
    created_at: str
    modified_at: str
    path: str | None = None

    @property
    def archived(self) -> bool:
        """Whether lists leave it out; it can still be used."""
        return self.properties.get("isArchived") is True

    @property
    def anonymous(self) -> bool:
        """Whether a client made up its name, for what a deployment's file holds inline."""
        return self.properties.get("isAnonymous") is True


class StoredContainer(Struct, frozen=True, kw_only=True):
    """What was said of a name as a whole: Azure calls that a container of versions."""

    kind: Kind
    name: str
    created_at: str
    modified_at: str
    properties: dict[str, object] = {}

    @property
    def archived(self) -> bool:
        """Whether lists leave the name out; its versions can still be used."""
        return self.properties.get("isArchived") is True
