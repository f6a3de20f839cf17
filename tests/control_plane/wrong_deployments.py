"""Wrong bodies of deployments, and the answers to them; see test_wrong_calls.py."""

from tests.control_plane.wrong_rows import (
    ABSENT,
    BAD,
    CODE,
    MISSING,
    NAME,
    Row,
    dep,
    limits,
    properties,
)

ROWS: list[Row] = [
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
        "expected a number from 1 to 1000, got 'two', at `$.environment_variables.WORKER_COUNT`",
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
]
