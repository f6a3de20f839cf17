"""References to registered assets: every form that Azure's tools write (azure.md 8.4)."""

import pytest

from router.control_plane.asset_records import Kind
from router.control_plane.asset_references import Reference, is_reference, parse_reference
from router.core.errors import BadRequest

WORKSPACE = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
)


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        (f"{WORKSPACE}/models/my-model/versions/3", "my-model", "3"),
        (f"azureml:{WORKSPACE}/models/my-model/versions/3", "my-model", "3"),
        (f"{WORKSPACE.replace('resourceGroups', 'resourcegroups')}/models/m/versions/3", "m", "3"),
        (f"{WORKSPACE}/models/m/labels/latest", "m", None),
        ("azureml://locations/local/workspaces/w/models/m/versions/1", "m", "1"),
        ("azureml:m:1", "m", "1"),
        ("azureml:m_1.x-y:2024.01-rc_1", "m_1.x-y", "2024.01-rc_1"),
        ("azureml:m@latest", "m", None),
        ("azureml:m/labels/latest", "m", None),
        ("m:1", "m", "1"),
        ("m@latest", "m", None),
    ],
)
def test_each_form_names_an_asset(text: str, name: str, version: str | None) -> None:
    assert is_reference(text)
    assert parse_reference("models", text, "$.model") == Reference(name, version)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("models", "azureml:m", r"expected `azureml:NAME:VERSION`.* got 'azureml:m', at `\$.key`"),
        ("models", "azureml:m:", "got 'azureml:m:'"),
        ("models", "azureml:m:1:2", "got 'azureml:m:1:2'"),
        ("models", "azureml:../m:1", "got 'azureml:../m:1'"),
        ("models", "azureml:m@newest", "expected the label 'latest', got 'newest'"),
        ("models", f"{WORKSPACE}/models/m", "got '/subscriptions/.*/models/m'"),
        ("models", f"{WORKSPACE}/data/m/versions/1", "the id of one of the models"),
        ("models", f"{WORKSPACE}/codes/m/versions/1", "expected one of the models, .* the codes"),
        ("environments", "", "got ''"),
    ],
)
def test_anything_else_is_refused_with_the_forms_there_are(
    kind: Kind, text: str, message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        parse_reference(kind, text, "$.key")


@pytest.mark.parametrize("text", ["/folder/model", "model", "./m", "../m/x.pkl", "C:\\m"])
def test_a_path_is_no_reference(text: str) -> None:
    assert not is_reference(text)
