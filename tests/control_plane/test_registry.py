"""The registry: versions that never change, what `latest` is, and what references resolve to."""

import asyncio
from pathlib import Path

import pytest

from router.control_plane.asset_records import AssetId, Kind
from router.control_plane.assets import Assets
from router.control_plane.blobs import DEFAULT_CONTAINER, Blobs
from router.control_plane.registry import Registry
from router.control_plane.resolver import Resolver
from router.control_plane.store import IN_MEMORY, Store
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec, Environment, Model
from router.core.errors import BadRequest, Conflict, ResourceNotFound

CONDA = "name: e\ndependencies: [python=3.11]\n"
UPLOAD = (
    "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/"
)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    blobs = Blobs(tmp_path / "uploads")
    blobs.token(DEFAULT_CONTAINER)
    return blobs


@pytest.fixture
def registry(tmp_path: Path, blobs: Blobs) -> Registry:
    return Registry(Store.open(IN_MEMORY), Assets(tmp_path / "assets"), blobs)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_text("weights")
    return path


def upload(blobs: Blobs, name: str, content: str) -> None:
    new = blobs.new_file(DEFAULT_CONTAINER)
    new.write_text(content)
    blobs.put(DEFAULT_CONTAINER, name, new, {})


def put(registry: Registry, kind: Kind, name: str, version: str, **properties: object) -> None:
    asyncio.run(registry.put(AssetId(kind, name, version), properties))


def put_models(registry: Registry, path: Path, *versions: str) -> None:
    for version in versions:
        put(registry, "models", "m", version, modelUri=str(path))


def test_a_version_put_again_with_the_same_content_may_change_what_is_said_of_it(
    registry: Registry, model_file: Path
) -> None:
    put_models(registry, model_file, "1")
    before = registry.get(AssetId("models", "m", "1"))
    put(registry, "models", "m", "1", modelUri=str(model_file), description="new")
    after = registry.get(AssetId("models", "m", "1"))
    assert after.properties["description"] == "new"
    assert (after.path, after.created_at) == (before.path, before.created_at)


def test_a_version_put_again_with_other_content_is_refused_and_stays(
    registry: Registry, model_file: Path
) -> None:
    put_models(registry, model_file, "1")
    before = registry.get(AssetId("models", "m", "1"))
    model_file.write_text("other weights")
    with pytest.raises(Conflict, match="azureml:m:1 already exists with other content"):
        put_models(registry, model_file, "1")
    assert registry.get(AssetId("models", "m", "1")) == before
    assert before.path is not None
    assert Path(before.path).read_text() == "weights"


def test_what_was_shown_may_be_put_back_though_the_original_is_gone(
    registry: Registry, model_file: Path
) -> None:
    put_models(registry, model_file, "1")
    model_file.unlink()
    shown = registry.get(AssetId("models", "m", "1")).properties
    put(registry, "models", "m", "1", **shown, isArchived=True)
    assert registry.get(AssetId("models", "m", "1")).archived


@pytest.mark.parametrize("key", ["condaFile", "image", "build", "osType"])
def test_an_environment_never_changes_in_what_it_is(registry: Registry, key: str) -> None:
    put(registry, "environments", "e", "1", condaFile=CONDA, image="i")
    put(registry, "environments", "e", "1", condaFile=CONDA, image="i", description="d")
    changed: dict[str, object] = {"condaFile": CONDA, "image": "i", key: f"{CONDA}# changed"}
    with pytest.raises(Conflict, match="already exists"):
        put(registry, "environments", "e", "1", **changed)


def test_an_uploaded_model_keeps_its_name_and_is_a_copy(registry: Registry, blobs: Blobs) -> None:
    upload(blobs, "LocalUpload/1234/folder/a.bin", "a")
    upload(blobs, "LocalUpload/1234/folder/sub/b.bin", "b")
    put(registry, "models", "m", "1", modelUri=f"{UPLOAD}LocalUpload/1234/folder")
    path = registry.get(AssetId("models", "m", "1")).path
    assert path is not None
    assert Path(path).name == "folder"
    assert Path(path, "sub/b.bin").read_text() == "b"
    upload(blobs, "LocalUpload/1234/folder/a.bin", "changed")
    assert Path(path, "a.bin").read_text() == "a"


@pytest.mark.parametrize(
    ("kind", "name", "properties", "message"),
    [
        ("models", "m", {"modelUri": "/nowhere"}, r"got '/nowhere', at `\$.properties.modelUri`"),
        (
            "models",
            "m",
            {"modelUri": "relative"},
            "path on its machine, got 'relative'",
        ),
        ("models", "m", {"modelUri": "runs:/1/model"}, "got 'runs:/1/model'"),
        ("models", "m", {"modelUri": "https://elsewhere/model"}, "expected an upload"),
        ("models", "m", {"modelUri": f"{UPLOAD}never"}, "expected uploaded files"),
        ("codes", "c", {"codeUri": __file__}, "expected a folder"),
        ("models", "a b", {"modelUri": "/"}, "expected a name of 1 to 255"),
        ("environments", "e", {"condaFile": "a: [b"}, "expected a conda file as YAML"),
        ("environments", "e", {"condaFile": "text"}, "keys and values, got 'text'"),
    ],
)
def test_what_can_not_be_had_is_refused_and_nothing_is_registered(
    registry: Registry, kind: Kind, name: str, properties: dict[str, object], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        put(registry, kind, name, "1", **properties)
    assert registry.names(kind) == []


def test_versions_come_newest_first_and_the_next_one_is_counted(
    registry: Registry, model_file: Path
) -> None:
    assert registry.next_version("models", "m") == "1"
    put_models(registry, model_file, "9", "10", "2", "rc")
    put_models(registry, model_file, "9")
    assert [a.id.version for a in registry.versions("models", "m")] == ["rc", "2", "10", "9"]
    assert registry.next_version("models", "m") == "11"


def test_the_latest_is_what_was_created_last_and_is_not_archived(
    registry: Registry, model_file: Path
) -> None:
    assert registry.latest("models", "m") is None
    put_models(registry, model_file, "2", "1")
    put(registry, "models", "m", "3", modelUri=str(model_file), isArchived=True)
    latest = registry.latest("models", "m")
    assert latest is not None
    assert latest.id.version == "1"


def test_a_deleted_version_is_gone_and_deleting_it_again_is_no_error(
    registry: Registry, model_file: Path
) -> None:
    put_models(registry, model_file, "1")
    assert registry.delete(AssetId("models", "m", "1"))
    assert not registry.delete(AssetId("models", "m", "1"))
    with pytest.raises(ResourceNotFound, match="There are no models yet"):
        registry.get(AssetId("models", "m", "1"))


def test_code_is_found_by_its_hash_whatever_its_name(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    uri = str(tmp_path / "code")
    put(registry, "codes", "c", "1", codeUri=uri, properties={"hash_sha256": "abc"})
    put(registry, "codes", "d", "1", codeUri=uri)
    assert [asset.id.name for asset in registry.with_hash("abc")] == ["c"]
    assert registry.with_hash("none") == []


def spec(**changes: object) -> DeploymentSpec:
    declared: dict[str, object] = {
        "code_configuration": CodeConfiguration(code="/code", scoring_script="score.py"),
        **changes,
    }
    return DeploymentSpec(name="blue", endpoint_name="e", **declared)  # type: ignore[arg-type]


def test_a_deployment_gets_what_its_references_stand_for(
    registry: Registry, model_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    put(registry, "codes", "c", "1", codeUri=str(tmp_path / "code"))
    put_models(registry, model_file, "1", "2")
    put(registry, "environments", "env", "1", condaFile=CONDA, image="i")
    located = Resolver(registry).locate(
        spec(
            code_configuration=CodeConfiguration(code="azureml:c:1", scoring_script="score.py"),
            model="azureml:m@latest",
            environment="azureml:env:1",
        )
    )
    code, model = located.spec.code_configuration.code, located.spec.model
    assert Path(code).parent.parent == tmp_path / "assets"
    assert isinstance(model, Model)
    assert Path(model.path).read_text() == "weights"
    assert located.spec.environment == Environment(
        name="env",
        version="1",
        image="i",
        conda_file={"name": "e", "dependencies": ["python=3.11"]},
    )
    assert located.assets["models"] == AssetId("models", "m", "2")
    assert set(located.assets) == {"codes", "models", "environments"}


def test_what_names_no_asset_stays_as_it_is(registry: Registry) -> None:
    inline = spec(model=Model(path="/m"), environment=Environment(image="i"))
    located = Resolver(registry).locate(inline)
    assert (located.spec, located.assets, located.warnings) == (inline, {}, [])
    assert Resolver(registry).locate(spec(model="/m")).spec.model == Model(path="/m")


def test_a_reference_to_nothing_says_what_there_is(registry: Registry, model_file: Path) -> None:
    put_models(registry, model_file, "1", "2")
    resolver = Resolver(registry)
    with pytest.raises(BadRequest) as caught:
        resolver.locate(spec(model="azureml:m:3"))
    assert caught.value.message == (
        "expected one of the registered models, got 'azureml:m:3', at `$.model`. There are: "
        "azureml:m:2, azureml:m:1. Register it with `turnout ml model create --name m --version 3 "
        "--path PATH`."
    )
    with pytest.raises(BadRequest, match=r"There are: m@latest\."):
        resolver.locate(spec(model="azureml:other@latest"))
    with pytest.raises(BadRequest, match=r"at `\$.environment`. There are no environments yet"):
        resolver.locate(spec(environment="azureml:other:1"))


@pytest.mark.parametrize(
    "curated",
    [
        "azureml://registries/azureml/environments/sklearn-1.5/versions/3",
        "azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu:1",
        "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest",
    ],
)
def test_an_environment_of_microsofts_is_done_without_and_said_so(
    registry: Registry, curated: str
) -> None:
    located = Resolver(registry).locate(spec(environment=curated))
    assert located.spec.environment is None
    assert located.assets == {}
    (warning,) = located.warnings
    assert warning.startswith(f"{curated} is an image that Microsoft publishes")


@pytest.mark.parametrize("kind", ["models", "codes"])
def test_models_and_code_in_azures_registries_are_refused(registry: Registry, kind: Kind) -> None:
    reference = f"azureml://registries/azureml/{kind}/n/versions/1"
    with pytest.raises(BadRequest, match=r"registries of Azure can't be reached from here"):
        Resolver(registry).resolve(kind, reference, "$.key")
