"""Wrong scenarios: what is changed in a right one, and exactly what is said.

A row is the path of a key, the value that is put there (None takes the key away) and the message,
without the scenario's own path before it; {f} is its folder. Nothing here runs anything.
"""

from typing import Any

RIGHT = """
name: right
for_s: 10
endpoints:
  - name: my-endpoint
    traffic: {blue: 100}
    deployments: [{name: blue}, {name: green}]
clients: [{name: users, arrivals: {per_s: 10}}]
timeline:
  - {at_s: 5, traffic: blue=90 green=10, expect: [errors 0]}
  - {at_s: 6, crash: green}
"""

DEPLOYMENT = "endpoints.0.deployments.0"
WORDS = (
    "expected words like `share green 10 % ± 0`, `copies 10 % ± 0`, `errors 0`, `refused "
    "operations 1` or `p99 of green < 50 ms`, got "
)

WRONG: list[tuple[str, Any, str]] = [
    ("name", None,
     "expected the key `name`, got none, at `$`: Missing data for required field."),
    ("for_s", None,
     "expected the key `for_s`, got none, at `$`: Missing data for required field."),
    ("for_s", 0,
     "expected `float` > 0.0, got 0 (int), at `$.for_s`"),
    ("for_s", "long",
     "expected `float`, got 'long' (str), at `$.for_s`"),
    ("for_s", -1,
     "expected `float` > 0.0, got -1 (int), at `$.for_s`"),
    ("seed", "one",
     "expected `int`, got 'one' (str), at `$.seed`"),
    ("seed", 1.5,
     "expected `int`, got 1.5 (float), at `$.seed`"),
    ("workers", 0,
     "expected `int` >= 1, got 0 (int), at `$.workers`"),
    ("workers", 17,
     "expected `int` <= 16, got 17 (int), at `$.workers`"),
    ("cores", 0,
     "expected `int` >= 1, got 0 (int), at `$.cores`"),
    ("message_us", -1,
     "expected `float` >= 0.0, got -1 (int), at `$.message_us`"),
    ("quotas.bandwidth_bytes_per_s", 1000,
     "expected `int` >= 300000, got 1000 (int), at `$.quotas.bandwidth_bytes_per_s`"),
    ("quotas.bandwith", 5,
     "expected one of bandwidth_bytes_per_s, connections, connections_per_s, endpoints, "
     "requests_per_s, got the key `bandwith`, at `$.quotas.bandwith`"),
    ("forever", True,
     "expected one of $schema, client_work_ms, clients, cores, description, endpoints, expect, "
     "for_s, message_us, name, overhead, overhead_work_ms, quotas, router_work_ms, seed, timeline, "
     "workers, got the key `forever`, at `$.forever`"),
    ("endpoints", [],
     "expected `array` of length >= 1, got array, at `$.endpoints`"),
    ("endpoints", {"name": "x"},
     "expected `array`, got object, at `$.endpoints`"),
    ("clients", [],
     "expected `array` of length >= 1, got array, at `$.clients`"),
    ("endpoints.0.name", "my_endpoint",
     "The name for an endpoint must start with an upper- or lowercase letter\n and only "
     "consist of '-'s and alphanumeric characters. Got 'my_endpoint', at "
     "`$.endpoints[0].name`."),
    (f"{DEPLOYMENT}.name", "ab",
     "The name for a deployment must be at least 3 and at most 32 characters long "
     "(inclusive of both limits). Got 'ab', 2 characters, at "
     "`$.endpoints[0].deployments[0].name`."),
    ("endpoints.0.deployments.1.name", "blue",
     "expected a name of its own, got 'blue' again, at "
     "`$.endpoints[0].deployments[1].name`"),
    (f"{DEPLOYMENT}.instance_count", 0,
     "expected `int` >= 1, got 0 (int), at "
     "`$.endpoints[0].deployments[0].instance_count`"),
    (f"{DEPLOYMENT}.instance_count", 51,
     "expected `int` <= 50, got 51 (int), at "
     "`$.endpoints[0].deployments[0].instance_count`"),
    (f"{DEPLOYMENT}.instances", 2,
     "expected one of answer_bytes, cold_start_s, error_percent, instance_count, "
     "latency, measured_latencies, name, parallel_runs, request_settings, got the key "
     "`instances`, at `$.endpoints[0].deployments[0].instances`; did you mean "
     "`instance_count`?"),
    (f"{DEPLOYMENT}.parallel_runs", 0,
     "expected `int` >= 1, got 0 (int), at `$.endpoints[0].deployments[0].parallel_runs`"),
    (f"{DEPLOYMENT}.error_percent", 101,
     "expected `float` <= 100.0, got 101 (int), at "
     "`$.endpoints[0].deployments[0].error_percent`"),
    (f"{DEPLOYMENT}.cold_start_s", "slow",
     "expected `float`, got 'slow' (str), at "
     "`$.endpoints[0].deployments[0].cold_start_s`"),
    (f"{DEPLOYMENT}.answer_bytes", -1,
     "expected `int` >= 0, got -1 (int), at `$.endpoints[0].deployments[0].answer_bytes`"),
    (f"{DEPLOYMENT}.request_settings.request_timeout_ms", 180001,
     "expected at most 180000, got 180001, at "
     "`$.endpoints[0].deployments[0].request_settings.request_timeout_ms`. Only the "
     "type kubernetes may wait longer."),
    (f"{DEPLOYMENT}.request_settings.timeout_ms", 5,
     "expected one of max_concurrent_requests_per_instance, max_queue_wait_ms, "
     "request_timeout_ms, got the key `timeout_ms`, at "
     "`$.endpoints[0].deployments[0].request_settings.timeout_ms`; did you mean "
     "`request_timeout_ms`?"),
    ("endpoints.0.traffic.blue", 50,
     "expected percents that sum to 0 or 100, got blue=50 with the sum 50, at "
     "`$.endpoints[0].traffic`. Name every deployment that is to get live requests."),
    ("endpoints.0.traffic.blue", 101,
     "expected `int` <= 100, got 101 (int), at `$.endpoints[0].traffic.blue`"),
    ("endpoints.0.traffic.gren", 0,
     "expected a deployment of this endpoint (blue, green), got 'gren', at "
     "`$.endpoints[0].traffic.gren`. Create the deployment first."),
    ("endpoints.0.traffic", {"gren": 100},
     "expected a deployment of this endpoint (blue, green), got 'gren', at "
     "`$.endpoints[0].traffic.gren`. Create the deployment first."),
    ("endpoints.0.mirror_traffic", {"green": 60},
     "expected a percent from 0 to 50, got 60, at `$.endpoints[0].mirror_traffic.green`"),
    ("endpoints.0.mirror_traffic", {"blue": 10},
     "expected live or mirrored traffic, not both, got 'blue' with 100 % live and 10 % "
     "mirrored, at `$.endpoints[0].mirror_traffic.blue`. Set one of the two to 0."),
    ("endpoints.1", {"name": "my-endpoint", "deployments": []},
     "expected a name of its own, got 'my-endpoint' again, at `$.endpoints[1].name`"),
    (f"{DEPLOYMENT}.latency", {},
     "expected either constant_ms, or median_ms and p99_ms, or measured, got none of "
     "them, at `$.endpoints[0].deployments[0].latency`"),
    (f"{DEPLOYMENT}.latency", {"constant_ms": 1, "measured": "m"},
     "expected either constant_ms, or median_ms and p99_ms, or measured, got "
     "constant_ms and measured, at `$.endpoints[0].deployments[0].latency`"),
    (f"{DEPLOYMENT}.latency", {"median_ms": 1},
     "expected either constant_ms, or median_ms and p99_ms, or measured, got median_ms, "
     "at `$.endpoints[0].deployments[0].latency`"),
    (f"{DEPLOYMENT}.latency", {"median_ms": 5, "p99_ms": 1},
     "expected a median_ms above 0 and a p99_ms not below it, got 5 and 1, at "
     "`$.endpoints[0].deployments[0].latency`"),
    (f"{DEPLOYMENT}.latency", {"median_ms": 0, "p99_ms": 1},
     "expected a median_ms above 0 and a p99_ms not below it, got 0 and 1, at "
     "`$.endpoints[0].deployments[0].latency`"),
    (f"{DEPLOYMENT}.latency", {"constant_ms": -1},
     "expected `float` >= 0.0, got -1 (int), at "
     "`$.endpoints[0].deployments[0].latency.constant_ms`"),
    (f"{DEPLOYMENT}.latency", {"mean_ms": 1},
     "expected one of constant_ms, in_order, measured, median_ms, p99_ms, got the key "
     "`mean_ms`, at `$.endpoints[0].deployments[0].latency.mean_ms`; did you mean "
     "`median_ms`?"),
    (f"{DEPLOYMENT}.latency", 5,
     "expected `object`, got 5 (int), at `$.endpoints[0].deployments[0].latency`"),
    (f"{DEPLOYMENT}.latency", {"measured": "none.txt"},
     "{f}/none.txt: expected a file, got none. Check the path. It is named at "
     "`$.endpoints[0].deployments[0].latency.measured`."),
    (f"{DEPLOYMENT}.latency", {"measured": "garbage.txt"},
     "{f}/garbage.txt: expected a number of milliseconds on each line, got 'fast' on "
     "line 2, at `$.endpoints[0].deployments[0].latency.measured`"),
    (f"{DEPLOYMENT}.latency", {"measured": "empty.txt"},
     "{f}/empty.txt: expected a number of milliseconds on each line, got none, at "
     "`$.endpoints[0].deployments[0].latency.measured`"),
    (f"{DEPLOYMENT}.latency", {"measured": "negative.txt"},
     "{f}/negative.txt: expected a number of milliseconds on each line, got '-1' on "
     "line 1, at `$.endpoints[0].deployments[0].latency.measured`"),
    (f"{DEPLOYMENT}.latency", {"measured": "binary.bin"},
     "{f}/binary.bin: expected a number of milliseconds on each line, got "
     "'����������������������������������������' on line 1, at "
     "`$.endpoints[0].deployments[0].latency.measured`"),
    (f"{DEPLOYMENT}.latency", {"measured": "."},
     "{f}: expected a file, got a folder. Name a file in it. It is named at "
     "`$.endpoints[0].deployments[0].latency.measured`."),
    (f"{DEPLOYMENT}.measured_latencies", "none.txt",
     "{f}/none.txt: expected a file, got none. Check the path. It is named at "
     "`$.endpoints[0].deployments[0].measured_latencies`."),
    ("overhead", {"measured": "garbage.txt"},
     "{f}/garbage.txt: expected a number of milliseconds on each line, got 'fast' on "
     "line 2, at `$.overhead.measured`"),
    ("overhead", {},
     "expected either constant_ms, or median_ms and p99_ms, or measured, got none of "
     "them, at `$.overhead`"),
    ("clients.0.arrivals", None,
     "expected either arrivals or loop, got neither, at `$.clients[0]`"),
    ("clients.0.loop", {"clients": 1},
     "expected either arrivals or loop, got both, at `$.clients[0]`"),
    ("clients.0.loop", {"clients": 0},
     "expected `int` >= 1, got 0 (int), at `$.clients[0].loop.clients`"),
    ("clients.0.arrivals.kind", "weekly",
     "expected 'bursts' or 'constant' or 'diurnal' or 'periodic' or 'poisson', got "
     "'weekly', at `$.clients[0].arrivals.kind`"),
    ("clients.0.arrivals.per_s", 0,
     "expected `float` > 0.0, got 0 (int), at `$.clients[0].arrivals.per_s`"),
    ("clients.0.arrivals.per_s", None,
     "expected the key `per_s`, got none, at `$.clients[0].arrivals`: Missing data for "
     "required field."),
    ("clients.0.arrivals.rate", 5,
     "expected one of every_s, for_s, group, kind, peak_per_s, per_s, got the key "
     "`rate`, at `$.clients[0].arrivals.rate`"),
    ("clients.0.arrivals.every_s", 0,
     "expected `float` > 0.0, got 0 (int), at `$.clients[0].arrivals.every_s`"),
    ("clients.0.endpoint", "other",
     "expected one of the endpoints (my-endpoint), got 'other', at "
     "`$.clients[0].endpoint`"),
    ("clients.0.requests", 0,
     "expected `int` >= 1, got 0 (int), at `$.clients[0].requests`"),
    ("clients.0.body_bytes_max", 5,
     "expected at least the client's body_bytes (56), got 5, at "
     "`$.clients[0].body_bytes_max`"),
    ("clients.0.until_s", 0,
     "expected more than the client's from_s (0), got 0, at `$.clients[0].until_s`"),
    ("clients.1", {"name": "users", "arrivals": {"per_s": 1}},
     "expected a name of its own, got 'users' again, at `$.clients[1].name`"),
    ("timeline.0.at_s", None,
     "expected the key `at_s`, got none, at `$.timeline[0]`: Missing data for required "
     "field."),
    ("timeline.0.at_s", -1,
     "expected `float` >= 0.0, got -1 (int), at `$.timeline[0].at_s`"),
    ("timeline.0.at_s", 11,
     "expected a time from 0 (the step before) to 10 (for_s), got 11, at "
     "`$.timeline[0].at_s`. Steps stand in the order of time."),
    ("timeline.1.at_s", 1,
     "expected a time from 5 (the step before) to 10 (for_s), got 1, at "
     "`$.timeline[1].at_s`. Steps stand in the order of time."),
    ("timeline.0.endpoint", "other",
     "expected one of the endpoints (my-endpoint), got 'other', at "
     "`$.timeline[0].endpoint`"),
    ("timeline.0.delete", "green",
     "expected one operation or fault, got traffic and delete, at `$.timeline[0]`. "
     "Write two steps with the same at_s."),
    ("timeline.0.traffic", "blue:90",
     "expected NAME=NUMBER pairs, got 'blue:90', at `$.timeline[0].traffic`"),
    ("timeline.0.traffic", "blue=ninety",
     "expected NAME=NUMBER pairs, got 'blue=ninety', at `$.timeline[0].traffic`"),
    ("timeline.0.traffic", "blue=nan",
     "expected a number, got nan, at `$.timeline[0].traffic.blue`"),
    ("timeline.1", {"at_s": 6, "instance_count": "blue=2 green=3"},
     "expected NAME=COUNT of one deployment, got blue=2 green=3, at "
     "`$.timeline[1].instance_count`. Write a step for each; one operation runs at a time."),
    ("timeline.1", {"at_s": 6, "instance_count": {}},
     "expected NAME=COUNT of one deployment, got nothing, at "
     "`$.timeline[1].instance_count`. Write a step for each; one operation runs at a time."),
    ("timeline.0.traffic", "",
     "expected NAME=NUMBER pairs, got nothing, at `$.timeline[0].traffic`"),
    ("timeline.0.traffic", "blue=50 blue=50",
     "expected each name once, got 'blue' again, at `$.timeline[0].traffic`"),
    ("timeline.0.trafic", "blue=100",
     "expected one of at_s, crash, crash_loop, create, delete, endpoint, error_percent, "
     "expect, hang, heal, instance_count, mirror_traffic, name, restart, slow, traffic, "
     "got the key `trafic`, at `$.timeline[0].trafic`; did you mean `traffic`?"),
    ("timeline.0.restart", "worker",
     "expected 'control-plane', got 'worker', at `$.timeline[0].restart`"),
    ("timeline.1.crash", "gren",
     "expected a deployment of endpoint 'my-endpoint' (blue, green), got 'gren', at "
     "`$.timeline[1].crash`"),
    ("timeline.1", {"at_s": 6, "slow": "gren=2"},
     "expected a deployment of endpoint 'my-endpoint' (blue, green), got 'gren', at "
     "`$.timeline[1].slow`"),
    ("timeline.1", {"at_s": 6, "slow": "green=0"},
     "expected from 0.001 to 1e+06, got 0, at `$.timeline[1].slow.green`"),
    ("timeline.1", {"at_s": 6, "error_percent": {"green": 150}},
     "expected from 0 to 100, got 150, at `$.timeline[1].error_percent.green`"),
    ("timeline.0.expect", "errors 0",
     "expected `array`, got 'errors 0' (str), at `$.timeline[0].expect`"),
    ("timeline.0.expect", ["errors none"],
     WORDS + "'errors none', at `$.timeline[0].expect[0]`"),
    ("timeline.0.expect", ["share gren 10 % ± 0"],
     "expected a deployment of endpoint 'my-endpoint' (blue, green), got 'gren', at "
     "`$.timeline[0].expect[0]`. Write ENDPOINT/DEPLOYMENT for one of another endpoint."),
    ("expect", ["share green 10 %"],
     WORDS + "'share green 10 %', at `$.expect[0]`"),
    ("expect", ["p98 < 50 ms"],
     WORDS + "'p98 < 50 ms', at `$.expect[0]`"),
    ("expect", ["p99 of gren < 50 ms"],
     "expected a deployment of endpoint 'my-endpoint' (blue, green), got 'gren', at "
     "`$.expect[0]`. Write ENDPOINT/DEPLOYMENT for one of another endpoint."),
    ("expect", ["share other/green 10 % ± 0"],
     "expected one of the endpoints (my-endpoint), got 'other', at `$.expect[0]`"),
    ("expect", ["copies of other 10 % ± 0"],
     "expected one of the endpoints (my-endpoint), got 'other', at `$.expect[0]`"),
    ("expect", ["p99 < 50 s"],
     WORDS + "'p99 < 50 s', at `$.expect[0]`"),
    ("expect", ["copies ± 1"],
     WORDS + "'copies ± 1', at `$.expect[0]`"),
    ("expect", ["everything is fine"],
     WORDS + "'everything is fine', at `$.expect[0]`"),
    ("expect", [""],
     WORDS + "'', at `$.expect[0]`"),
]  # fmt: skip
