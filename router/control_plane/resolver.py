"""What the assets that a deployment names stand for: paths and environments on this machine.

Which forms a name may have is in asset_references.py, which assets there are in registry.py.
"""

from msgspec import Struct
from msgspec.structs import replace

from router.control_plane.asset_records import AssetId, Kind, StoredAsset
from router.control_plane.asset_references import (
    CURATED_PREFIX,
    Reference,
    is_in_registry,
    is_reference,
    parse_reference,
)
from router.control_plane.conda_text import parse_conda
from router.control_plane.registry import Registry
from router.core.deployment_spec import DeploymentSpec, Environment, Model
from router.core.errors import BadRequest

_CREATE_WITH: dict[Kind, str] = {
    "codes": "turnout ml code create --name {name} --version {version} --path PATH",
    "models": "turnout ml model create --name {name} --version {version} --path PATH",
    "environments": "turnout ml environment create --name {name} --version {version} --file FILE",
}


class Resolved(Struct, frozen=True, kw_only=True):
    """What a reference stands for.

    Attributes:
        id: None for what isn't known here and is done without.
        path: of a code folder, or a model's file or folder.
        environment: with its conda file read.
        warning: what to tell the user, if anything.
    """

    id: AssetId | None = None
    path: str | None = None
    environment: Environment | None = None
    warning: str | None = None


class Located(Struct, frozen=True, kw_only=True):
    """A deployment whose assets are found.

    Attributes:
        spec: with paths and an inline environment in place of references.
        assets: what was referred to, to be answered when the deployment is shown.
        warnings: what to tell the user.
    """

    spec: DeploymentSpec
    assets: dict[Kind, AssetId]
    warnings: list[str]


class Resolver:
    """Looks references up in a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def locate(self, spec: DeploymentSpec) -> Located:
        """The deployment with what its references stand for now; paths in it stay.

        Raises:
            BadRequest: as ``resolve``.
        """
        found: dict[Kind, Resolved] = {}
        code = spec.code_configuration
        if is_reference(code.code):
            found["codes"] = self.resolve("codes", code.code, "$.code_configuration.code")
            code = replace(code, code=found["codes"].path)
        model = spec.model
        if isinstance(model, str) and is_reference(model):
            found["models"] = self.resolve("models", model, "$.model")
            model = found["models"].path
        environment = spec.environment
        if isinstance(environment, str):
            found["environments"] = self.resolve("environments", environment, "$.environment")
            environment = found["environments"].environment
        elif environment is not None and isinstance(environment.conda_file, str):
            text = environment.conda_file
            conda = parse_conda(text, "$.environment.conda_file")
            environment = replace(environment, conda_file=conda)
        return Located(
            spec=replace(
                spec,
                code_configuration=code,
                model=Model(path=model) if isinstance(model, str) else model,
                environment=environment,
            ),
            assets={kind: one.id for kind, one in found.items() if one.id is not None},
            warnings=[one.warning for one in found.values() if one.warning is not None],
        )

    def resolve(self, kind: Kind, reference: str, key: str) -> Resolved:
        """What ``reference``, in one of Azure's forms, stands for now.

        Args:
            key: where it stands, for the message.

        Raises:
            BadRequest: nothing of that name is registered, or it is in one of Azure's registries.
        """
        if is_in_registry(reference):
            return _not_reached(kind, reference, key)
        wanted = parse_reference(kind, reference, key)
        found = self._find(kind, wanted)
        if found is not None:
            return _resolved(found)
        if kind == "environments" and wanted.name.startswith(CURATED_PREFIX):
            return _not_reached(kind, reference, key)
        command = _CREATE_WITH[kind].format(name=wanted.name, version=wanted.version or "1")
        raise BadRequest(
            f"expected one of the registered {kind}, got {reference!r}, at `{key}`. "
            f"{self._registry.known(kind, wanted.name)} Register it with `{command}`."
        )

    def _find(self, kind: Kind, wanted: Reference) -> StoredAsset | None:
        if wanted.version is None:
            return self._registry.latest(kind, wanted.name)
        return self._registry.find(AssetId(kind, wanted.name, wanted.version))


def _resolved(asset: StoredAsset) -> Resolved:
    if asset.id.kind != "environments":
        return Resolved(id=asset.id, path=asset.path)
    image, conda_file = asset.properties.get("image"), asset.properties.get("condaFile")
    environment = Environment(
        name=asset.id.name,
        version=asset.id.version,
        image=image if isinstance(image, str) else None,
        conda_file=parse_conda(conda_file, asset.id.short) if isinstance(conda_file, str) else None,
    )
    return Resolved(id=asset.id, environment=environment)


def _not_reached(kind: Kind, reference: str, key: str) -> Resolved:
    """Microsoft's environments are images; a script can do without. Code and models can't."""
    if kind != "environments":
        raise BadRequest(
            f"expected one of this daemon's {kind}, got {reference!r}, at `{key}`: registries of "
            f"Azure can't be reached from here. Download it, and register it here."
        )
    return Resolved(
        warning=f"{reference} is an image that Microsoft publishes, which can't be had here: the "
        f"script runs in the daemon's own Python. Register an environment with a conda file for "
        f"another."
    )
