"""Wrong calls of the REST API on endpoints, and in a wrong order; see test_wrong_calls.py."""

from tests.control_plane.daemon import ENDPOINTS
from tests.control_plane.wrong_deployments import ABSENT, BAD, MISSING, NAME, Row, properties

METHOD = (405, "MethodNotAllowed")
METHOD_MESSAGE = "Method Not Allowed: {} " + ENDPOINTS + "/fix"

ROWS: list[Row] = [
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 50}),
        BAD,
        (
            "expected percents that sum to 0 or 100, got blue=50 with the sum 50, at "
            "`$.traffic`. Name every deployment that is to get live requests."
        ),
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 60, "green": 60}),
        BAD,
        (
            "expected percents that sum to 0 or 100, got blue=60 green=60 with the sum 120, "
            "at `$.traffic`. Name every deployment that is to get live requests."
        ),
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 101}),
        BAD,
        "request body, read as YAML: expected `int` <= 100, got 101 (int), at `$.traffic.blue`",
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": -1, "green": 101}),
        BAD,
        "request body, read as YAML: expected `int` >= 0, got -1 (int), at `$.traffic.blue`",
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 99.5, "green": 0.5}),
        BAD,
        "request body: expected `int`, got 99.5 (float), at `$.properties.traffic.blue`",
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": None}),
        BAD,
        "request body: expected `int`, got null, at `$.properties.traffic.blue`",
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"red": 100}),
        BAD,
        (
            "expected a deployment of this endpoint (blue, green), got 'red', at "
            "`$.traffic.red`. Create the deployment first."
        ),
    ),
    (
        "PUT",
        "fix",
        properties(traffic=["blue"]),
        BAD,
        "request body: expected `object | null`, got array, at `$.properties.traffic`",
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 100}, mirrorTraffic={"green": 60}),
        BAD,
        "expected a percent from 0 to 50, got 60, at `$.mirror_traffic.green`",
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 100}, mirrorTraffic={"green": -1}),
        BAD,
        "request body, read as YAML: expected `int` >= 0, got -1 (int), "
        "at `$.mirror_traffic.green`",
    ),
    (
        "PUT",
        "fix",
        properties(mirrorTraffic={"green": 10, "blue": 10}),
        BAD,
        (
            "expected at most one deployment, got green=10 blue=10, at `$.mirror_traffic`. "
            "Set all but one to 0."
        ),
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 100}, mirrorTraffic={"green": 10.5}),
        BAD,
        "request body: expected `int`, got 10.5 (float), at `$.properties.mirrorTraffic.green`",
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 90, "green": 10}, mirrorTraffic={"green": 10}),
        BAD,
        (
            "expected live or mirrored traffic, not both, got 'green' with 10 % live and 10 "
            "% mirrored, at `$.mirror_traffic.green`. Set one of the two to 0."
        ),
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 100}, mirrorTraffic={"blue": 10}),
        BAD,
        (
            "expected live or mirrored traffic, not both, got 'blue' with 100 % live and 10 "
            "% mirrored, at `$.mirror_traffic.blue`. Set one of the two to 0."
        ),
    ),
    (
        "PUT",
        "fix",
        properties(traffic={"blue": 100}, mirrorTraffic={"red": 10}),
        BAD,
        (
            "expected a deployment of this endpoint (blue, green), got 'red', at "
            "`$.mirror_traffic.red`. Create the deployment first."
        ),
    ),
    (
        "PUT",
        "fix",
        properties(authMode="Password"),
        BAD,
        (
            "request body: expected 'AADToken' or 'AMLToken' or 'Key', got 'Password', at "
            "`$.properties.authMode`"
        ),
    ),
    (
        "PUT",
        "fix",
        properties(authMode="AADToken"),
        BAD,
        (
            "expected key or aml_token, got 'aad_token', at `$.auth_mode`. Tokens of Entra "
            "ID can be checked in Azure's cloud only."
        ),
    ),
    (
        "PUT",
        "fix",
        properties(compute="/subscriptions/0/computes/k8s"),
        BAD,
        (
            "expected no cluster, as the endpoint was created with, got "
            "/subscriptions/0/computes/k8s, at `$.compute`. Delete the endpoint and create "
            "it anew to change its kind."
        ),
    ),
    (
        "PUT",
        "fix",
        {"properties": None},
        BAD,
        "request body: expected `object`, got null, at `$.properties`",
    ),
    (
        "PUT",
        "fix",
        {"tags": {}},
        BAD,
        (
            "request body: expected the key `properties`, got none, at `$`: Missing data "
            "for required field."
        ),
    ),
    (
        "PUT",
        "fix",
        {"properties": {}, "name": "other"},
        BAD,
        "request body: expected the name in the URL, 'fix', got 'other', at `$.name`",
    ),
    (
        "PUT",
        "fix",
        {"properties": {}, "propertis": {}},
        BAD,
        (
            "request body: expected one of identity, name, properties, tags, got the key "
            "`propertis`, at `$.propertis`; did you mean `properties`?"
        ),
    ),
    (
        "PUT",
        "ab",
        properties(),
        BAD,
        (
            "The name for an endpoint must be at least 3 and at most 32 characters long "
            "(inclusive of both limits). Got 'ab', 2 characters, at `$.name`."
        ),
    ),
    (
        "PUT",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        properties(),
        BAD,
        (
            "The name for an endpoint must be at least 3 and at most 32 characters long "
            "(inclusive of both limits). Got 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 33 "
            "characters, at `$.name`."
        ),
    ),
    ("PUT", "1st", properties(), BAD, NAME.format("an endpoint", "'1st'")),
    ("PUT", "under_score", properties(), BAD, NAME.format("an endpoint", "'under_score'")),
    ("PUT", "dash-", properties(), BAD, NAME.format("an endpoint", "'dash-'")),
    ("PUT", "%C3%BCber", properties(), BAD, NAME.format("an endpoint", "'über'")),
    ("PUT", "a%2Fb", properties(), BAD, NAME.format("an endpoint", "'a/b'")),
    (
        "DELETE",
        "fix/deployments/blue",
        None,
        BAD,
        (
            "You cannot delete a deployment that has live traffic allocated to it. You must "
            "first set traffic allocation for the deployment to 0% before deleting it. Got "
            "'blue' with 100 %, at `$.traffic.blue`."
        ),
    ),
    (
        "DELETE",
        "mirrored/deployments/green",
        None,
        BAD,
        (
            "You cannot delete a deployment that has mirrored traffic allocated to it. You "
            "must first set its mirror traffic to 0% before deleting it. Got 'green' with "
            "10 %, at `$.mirror_traffic.green`."
        ),
    ),
    ("GET", "missing", None, ABSENT, MISSING),
    (
        "GET",
        "fix/deployments/red",
        None,
        ABSENT,
        (
            "expected a deployment of endpoint 'fix', got 'red'. Create it first with "
            "`turnout ml online-deployment create --name red --endpoint-name fix --file "
            "FILE`."
        ),
    ),
    ("GET", "missing/deployments", None, ABSENT, MISSING),
    ("POST", "missing/listKeys", None, ABSENT, MISSING),
    ("POST", "missing/token", None, ABSENT, MISSING),
    (
        "POST",
        "fix/token",
        None,
        BAD,
        (
            "Endpoint 'fix' does not use tokens for authentication. Its auth_mode is key; "
            "`turnout ml online-endpoint get-credentials --name fix` prints its keys."
        ),
    ),
    ("POST", "missing/regenerateKeys", {"keyType": "Primary"}, ABSENT, MISSING),
    (
        "POST",
        "fix/regenerateKeys",
        {"keyType": "Third"},
        BAD,
        "request body: expected 'Primary' or 'Secondary', got 'Third', at `$.keyType`",
    ),
    (
        "POST",
        "fix/regenerateKeys",
        {},
        BAD,
        (
            "request body: expected the key `keyType`, got none, at `$`: Missing data for "
            "required field."
        ),
    ),
    (
        "POST",
        "fix/regenerateKeys",
        {"keyType": "Primary", "keyValue": "short"},
        BAD,
        (
            "request body: expected `str` matching regex '^[!-~]{16,256}$', got 'short' "
            "(str), at `$.keyValue`"
        ),
    ),
    (
        "POST",
        "fix/deployments/red/getLogs",
        {},
        ABSENT,
        (
            "expected a deployment of endpoint 'fix', got 'red'. Create it first with "
            "`turnout ml online-deployment create --name red --endpoint-name fix --file "
            "FILE`."
        ),
    ),
    (
        "POST",
        "fix/deployments/blue/getLogs",
        {"tail": "all"},
        BAD,
        "request body: expected `int`, got 'all' (str), at `$.tail`",
    ),
    (
        "POST",
        "fix/deployments/blue/getLogs",
        {"containerType": "Sidecar"},
        BAD,
        (
            "request body: expected 'InferenceServer' or 'StorageInitializer', got "
            "'Sidecar', at `$.containerType`"
        ),
    ),
    ("GET", "missing/statistics", None, ABSENT, MISSING),
    ("PATCH", "fix", {}, METHOD, METHOD_MESSAGE.format("PATCH")),
    ("POST", "fix", {}, METHOD, METHOD_MESSAGE.format("POST")),
]
