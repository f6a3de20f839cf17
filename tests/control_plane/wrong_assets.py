"""Wrong calls on code, models, environments and the workspace; see test_wrong_calls.py.

`kept` is a model that is registered. Paths are those below the workspace.
"""

from tests.control_plane.daemon import WORKSPACE
from tests.control_plane.wrong_rows import (
    ABSENT,
    BAD,
    CODE,
    CONFLICT,
    NO_ROUTE,
    NOT_ALLOWED,
    Row,
    properties,
)

NEW = "models/new/versions/1"
NAME = (
    "expected a {} of 1 to 255 letters, digits, `-`, `_` and `.` that begins with a letter or "
    "digit, got {}"
)
METHOD = "Method Not Allowed: {} " + WORKSPACE + "{}"

_BELOW_WORKSPACE: list[Row] = [
    ("PUT", "models/a%20b/versions/1", properties(modelUri=CODE), BAD,
     NAME.format("name", "'a b'")),
    ("PUT", "models/-a/versions/1", properties(modelUri=CODE), BAD, NAME.format("name", "'-a'")),
    ("PUT", "models/new/versions/1%2F2", properties(modelUri=CODE), BAD,
     NAME.format("version", "'1/2'")),
    ("PUT", "models/new/versions/%C3%BC", properties(modelUri=CODE), BAD,
     NAME.format("version", "'ü'")),
    ("PUT", NEW, {}, BAD,
     "request body: expected the key `properties`, got none, at `$`: Missing data for required "
     "field."),
    ("PUT", NEW, properties(), BAD,
     "request body: expected the key `modelUri`, got none, at `$.properties`: Missing data for "
     "required field."),
    ("PUT", NEW, properties(modelUri=None), BAD,
     "request body: expected `str`, got null, at `$.properties.modelUri`"),
    ("PUT", NEW, properties(modelUrl="/"), BAD,
     "request body: expected one of description, flavors, isAnonymous, isArchived, modelType, "
     "modelUri, properties, tags, got the key `modelUrl`, at `$.properties.modelUrl`; did you "
     "mean `modelUri`?"),
    ("PUT", NEW, [], BAD, "request body: expected `object`, got array, at `$`"),
    ("PUT", NEW, properties(modelUri="/nowhere"), BAD,
     "expected a file or folder, got '/nowhere', at `$.properties.modelUri`"),
    ("PUT", NEW, properties(modelUri="/dev/zero"), BAD,
     "expected a file or folder, got '/dev/zero', at `$.properties.modelUri`"),
    ("PUT", NEW, properties(modelUri="weights"), BAD,
     "expected an upload to this daemon or an absolute path on its machine, got 'weights', at "
     "`$.properties.modelUri`"),
    ("PUT", NEW, properties(modelUri="/a\x00b"), BAD,
     "expected a file or folder, got '/a\\x00b', at `$.properties.modelUri`"),
    ("PUT", NEW, properties(modelUri="azureml://datastores/other/paths/m"), BAD,
     "expected the datastore workspaceblobstore, got 'other' in "
     "'azureml://datastores/other/paths/m', at `$.properties.modelUri`"),
    ("PUT", NEW, properties(modelUri="azureml://datastores/workspaceblobstore/paths/../m"), BAD,
     "expected the name of a blob as a path, without empty parts, `.` or `..`, got '../m' in "
     "'azureml://datastores/workspaceblobstore/paths/../m', at `$.properties.modelUri`"),
    ("PUT", NEW, properties(modelUri="azureml://datastores/workspaceblobstore/paths/m"), BAD,
     "expected uploaded files, got 'azureml://datastores/workspaceblobstore/paths/m', where "
     "none are, at `$.properties.modelUri`"),
    ("PUT", NEW, properties(modelUri="https://here/blobs/A/m"), BAD,
     "expected the name of a container, got 'A' in 'https://here/blobs/A/m', at "
     "`$.properties.modelUri`"),
    ("PUT", "models/kept/versions/1", properties(modelUri=f"{CODE}/score.py"), CONFLICT,
     "azureml:kept:1 already exists with other content, and a version never changes. Register "
     "this one with another version."),
    ("PUT", NEW, properties(modelUri=CODE, tags=[]), BAD,
     "request body: expected `object | null`, got array, at `$.properties.tags`"),
    ("PUT", NEW, properties(modelUri=CODE, isArchived="perhaps"), BAD,
     "request body: expected `bool | null`, got 'perhaps' (str), at `$.properties.isArchived`"),
    ("PUT", "codes/new/versions/1", properties(codeUri=f"{CODE}/score.py"), BAD,
     "expected a folder, got '{folder}/code/score.py', at `$.properties.codeUri`"),
    ("PUT", "codes/new/versions/1", properties(codeUri="/nowhere"), BAD,
     "expected a folder, got '/nowhere', at `$.properties.codeUri`"),
    ("PUT", "codes/new/versions/1", properties(modelUri=CODE), BAD,
     "request body: expected one of codeUri, description, isAnonymous, isArchived, properties, "
     "tags, got the key `modelUri`, at `$.properties.modelUri`; did you mean `codeUri`?"),
    ("PUT", "environments/new/versions/1", properties(condaFile="dependencies: ["), BAD,
     "expected a conda file as YAML, got: while parsing a flow node\nexpected the node "
     'content, but found \'<stream end>\'\n  in "<unicode string>", line 1, column 16:\n    '
     "dependencies: [\n                   ^, at `$.properties.condaFile`"),
    ("PUT", "environments/new/versions/1", properties(condaFile="name: 2001-99-99"), BAD,
     "expected a conda file as YAML, got: ValueError: month must be in 1..12, at "
     "`$.properties.condaFile`"),
    ("PUT", "environments/new/versions/1", properties(condaFile="name: !!bool x"), BAD,
     "expected a conda file as YAML, got: KeyError: 'x', at `$.properties.condaFile`"),
    ("PUT", "environments/new/versions/1", properties(condaFile="python"), BAD,
     "expected a conda file with keys and values, got 'python', at `$.properties.condaFile`"),
    ("PUT", "environments/new/versions/1", properties(condaFile=[]), BAD,
     "request body: expected `str | object | null`, got array, at `$.properties.condaFile`"),
    ("PUT", "environments/a%2Fb/versions/1", properties(image="i"), BAD,
     NAME.format("name", "'a/b'")),
    ("PUT", "models/a%20b", properties(), BAD, NAME.format("name", "'a b'")),
    ("PUT", "models/new", properties(descripton="x"), BAD,
     "request body: expected one of description, isArchived, properties, tags, got the key "
     "`descripton`, at `$.properties.descripton`; did you mean `description`?"),
    ("PATCH", "models/nobody", properties(), ABSENT,
     "expected a name of one of the models, got 'nobody'. There are: kept@latest."),
    ("GET", "models/nobody", None, ABSENT,
     "expected a name of one of the models, got 'nobody'. There are: kept@latest."),
    ("GET", "models/kept/versions/2", None, ABSENT,
     "expected a version of one of the models, got 'azureml:kept:2'. There are: azureml:kept:1."),
    ("GET", "codes/nobody/versions/1", None, ABSENT,
     "expected a version of one of the codes, got 'azureml:nobody:1'. There are no codes yet."),
    ("GET", "environments/nobody/versions/1", None, ABSENT,
     "expected a version of one of the environments, got 'azureml:nobody:1'. There are no "
     "environments yet."),
    ("GET", "models/kept/versions?$top=x", None, BAD,
     "expected a number of at most 9 digits, got 'x', at the query parameter `$top`"),
    ("GET", "models/kept/versions?$top=-1", None, BAD,
     "expected a number of at most 9 digits, got '-1', at the query parameter `$top`"),
    ("GET", "models/kept/versions?$top=1000000000", None, BAD,
     "expected a number of at most 9 digits, got '1000000000', at the query parameter `$top`"),
    ("GET", "models?listViewType=Some", None, BAD,
     "expected 'ActiveOnly', 'ArchivedOnly' or 'All', got 'Some', at the query parameter "
     "`listViewType`"),
    ("GET", "models/kept/versions?listViewType=", None, BAD,
     "expected 'ActiveOnly', 'ArchivedOnly' or 'All', got '', at the query parameter "
     "`listViewType`"),
    ("GET", "datastores/other", None, ABSENT,
     "expected the one datastore that there is, workspaceblobstore, got 'other'"),
    ("POST", "datastores/other/listSecrets", {}, ABSENT,
     "expected the one datastore that there is, workspaceblobstore, got 'other'"),
    ("GET", "data/d/versions/1", None, NO_ROUTE, f"Not Found: GET {WORKSPACE}/data/d/versions/1"),
    ("DELETE", "models/kept", None, NOT_ALLOWED, METHOD.format("DELETE", "/models/kept")),
    ("POST", "models/kept/versions/1", {}, NOT_ALLOWED,
     METHOD.format("POST", "/models/kept/versions/1")),
    ("PATCH", "models/kept/versions/1", {}, NOT_ALLOWED,
     METHOD.format("PATCH", "/models/kept/versions/1")),
    ("DELETE", "datastores/workspaceblobstore", None, NOT_ALLOWED,
     METHOD.format("DELETE", "/datastores/workspaceblobstore")),
    ("PUT", "", properties(), NOT_ALLOWED, METHOD.format("PUT", "")),
]  # fmt: skip
ROWS: list[Row] = [
    (method, f"{WORKSPACE}/{path}".rstrip("/"), body, status, message)
    for method, path, body, status, message in _BELOW_WORKSPACE
]
