"""Wrong calls on endpoints, but for their traffic; see test_wrong_calls.py."""

from tests.control_plane.daemon import ENDPOINTS
from tests.control_plane.wrong_rows import ABSENT, BAD, MISSING, NAME, NOT_ALLOWED, Row, properties

METHOD_MESSAGE = "Method Not Allowed: {} " + ENDPOINTS + "/fix"

ROWS: list[Row] = [
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
    ("PATCH", "fix", {}, NOT_ALLOWED, METHOD_MESSAGE.format("PATCH")),
    ("POST", "fix", {}, NOT_ALLOWED, METHOD_MESSAGE.format("POST")),
]
