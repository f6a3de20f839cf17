"""Wrong calls of the REST API: each with the very answer, and nothing changed by any.

`fix` has blue with all traffic and green with none; `mirrored` mirrors to green; `full`
has as many deployments as an endpoint may have.
"""

from tests.control_plane.daemon import ENDPOINTS, deployment_body

CODE = "{code}"
BAD, ABSENT, METHOD = (400, "BadRequest"), (404, "ResourceNotFound"), (405, "MethodNotAllowed")
MISSING = (
    "expected the name of an endpoint, got 'missing'. Create it first with `turnout ml "
    "online-endpoint create --name missing`."
)
NAME = (
    "The name for {} must start with an upper- or lowercase letter\n and only consist of '-'s and "
    "alphanumeric characters. Got {}, at `$.name`."
)
METHOD_MESSAGE = "Method Not Allowed: {} " + ENDPOINTS + "/fix"


def properties(**properties: object) -> dict[str, object]:
    """A body."""
    return {"properties": properties}


def dep(count: int = 1, /, **properties: object) -> dict[str, object]:
    """The body of a deployment that would be right but for ``properties``."""
    return deployment_body(CODE, count, **properties)


def limits(**quantities: str) -> dict[str, object]:
    """The property that says them."""
    return {"containerResourceRequirements": {"containerResourceLimits": quantities}}


# Method, path, body, status and code, message.
ROWS: list[tuple[str, str, object, tuple[int, str], str]] = [
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
    ("PUT", "missing/deployments/blue", dep(), ABSENT, MISSING),
    ("PUT", "fix/deployments/b_1", dep(), BAD, NAME.format("a deployment", "'b_1'")),
    (
        "PUT",
        "fix/deployments/red",
        dep(0),
        BAD,
        "request body, read as YAML: expected `int` >= 1, got 0 (int), at `$.instance_count`",
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(51),
        BAD,
        "request body, read as YAML: expected `int` <= 50, got 51 (int), at `$.instance_count`",
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(endpointComputeType="Kubernetes"),
        BAD,
        (
            "expected 'managed', because the endpoint is one without `compute`, got "
            "'kubernetes', at `$.type`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(endpointComputeType="Serverless"),
        BAD,
        (
            "request body: expected 'Kubernetes' or 'Managed', got 'Serverless', at "
            "`$.properties.endpointComputeType`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(requestSettings={"requestTimeout": "5s"}),
        BAD,
        (
            "request body: expected an ISO 8601 duration such as PT5S, got '5s', at "
            "`$.properties.requestSettings.requestTimeout`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(requestSettings={"requestTimeout": "PT181S"}),
        BAD,
        (
            "expected at most 180000, got 181000, at "
            "`$.request_settings.request_timeout_ms`. Only the type kubernetes may wait "
            "longer."
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(requestSettings={"requestTimeout": "PT0S"}),
        BAD,
        (
            "request body, read as YAML: expected `int` >= 1, got 0 (int), at "
            "`$.request_settings.request_timeout_ms`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(requestSettings={"maxConcurrentRequestsPerInstance": 0}),
        BAD,
        (
            "request body, read as YAML: expected `int` >= 1, got 0 (int), at "
            "`$.request_settings.max_concurrent_requests_per_instance`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(livenessProbe={"period": "PT0S"}),
        BAD,
        "request body, read as YAML: expected `int` >= 1, got 0 (int), "
        "at `$.liveness_probe.period`",
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(readinessProbe={"failureThreshold": 0}),
        BAD,
        (
            "request body, read as YAML: expected `int` >= 1, got 0 (int), at "
            "`$.readiness_probe.failure_threshold`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(scaleSettings={"scaleType": "TargetUtilization"}),
        BAD,
        (
            "ManagedOnlineEndpoint supports DefaultScaleSettings only. Got "
            "'target_utilization', at `$.scale_settings.type`."
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(scaleSettings={"scaleType": "Manual"}),
        BAD,
        (
            "request body: expected 'Default' or 'TargetUtilization', got 'Manual', at "
            "`$.properties.scaleSettings.scaleType`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(**limits(memory="1GB")),
        BAD,
        (
            'expected memory such as "200Mi", "0.5Gi" or "1G", got \'1GB\', at '
            "`$.resources.limits.memory`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(**limits(cpu="-1")),
        BAD,
        'expected cores such as "0.5", "500m" or "2", got \'-1\', at `$.resources.limits.cpu`',
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(**limits(disk="1Gi")),
        BAD,
        (
            "request body: expected one of cpu, gpu, memory, got the key `disk`, at "
            "`$.properties.containerResourceRequirements.containerResourceLimits.disk`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(environmentVariables={"WORKER_COUNT": "two"}),
        BAD,
        "expected a number above 0, got 'two', at `$.environment_variables.WORKER_COUNT`",
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(environment={"condaFile": "dependencies: ["}),
        BAD,
        (
            "expected a conda file as YAML, got: while parsing a flow node\nexpected the "
            "node content, but found '<stream end>'\n  in \"<unicode string>\", line 1, column "
            "16:\n    dependencies: [\n                   ^, at `$.environment.conda_file`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(environmentId="azureml:none:1"),
        BAD,
        (
            "expected one of the registered environments, got 'azureml:none:1', at "
            "`$.environment`. There are no environments yet. Register it with `turnout ml "
            "environment create --name none --version 1 --file FILE`."
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        dep(model="/nowhere"),
        BAD,
        "expected a file or folder, got '/nowhere', at `$.model.path`",
    ),
    (
        "PUT",
        "fix/deployments/red",
        properties(codeConfiguration={"codeId": "azureml:none:1", "scoringScript": "score.py"}),
        BAD,
        (
            "expected one of the registered codes, got 'azureml:none:1', at "
            "`$.code_configuration.code`. There are no codes yet. Register it with `turnout "
            "ml code create --name none --version 1 --path PATH`."
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        properties(codeConfiguration={"codeId": CODE, "scoringScript": "../score.py"}),
        BAD,
        (
            "expected a file in {folder}/code, got '../score.py', at "
            "`$.code_configuration.scoring_script`"
        ),
    ),
    (
        "PUT",
        "fix/deployments/red",
        properties(codeConfiguration={"codeId": CODE}),
        BAD,
        (
            "request body: expected the key `scoringScript`, got none, at "
            "`$.properties.codeConfiguration`: Missing data for required field."
        ),
    ),
    (
        "PUT",
        "full/deployments/one-more",
        dep(),
        BAD,
        (
            "expected at most 20 deployments in an endpoint, got 21. Delete one that gets "
            "no traffic first."
        ),
    ),
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
