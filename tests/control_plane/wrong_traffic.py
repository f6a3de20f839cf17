"""Wrong rules of traffic, and deletions against them (azure.md 4.7); see test_wrong_calls.py."""

from tests.control_plane.wrong_rows import BAD, Row, properties

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
]
