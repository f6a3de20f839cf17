"""The tables of test_wrong_calls.py: commands that are wrong, and what each is told.

In both, {e} is an endpoint with blue and green, {k} one of the kind Kubernetes, {f} a folder
with right files. Nothing here runs anything.
"""

TRAFFIC = "expected DEPLOYMENT=PERCENT, separated by single spaces, got {got}, at {flag}"
ENDPOINT_KEYS = (
    "$schema, auth_mode, compute, description, identity, mirror_traffic, name, properties, "
    "public_network_access, tags, traffic"
)
NO_ENDPOINT = (
    "(ResourceNotFound) expected the name of an endpoint, got 'nobody'. Create it first with "
    "`turnout ml online-endpoint create --name nobody`."
)
LETTERS = (
    "(BadRequest) The name for an endpoint must start with an upper- or lowercase letter\n and "
    "only consist of '-'s and alphanumeric characters. Got {got!r}, at `$.name`."
)
EXISTS = (
    "(UserError) {a} with this name already exists. If you are trying to create a new {noun}, use "
    "a different name. If you are trying to update an existing {noun}, use `az ml online-{noun} "
    "update` instead."
)
SUM = (
    "(BadRequest) expected percents that sum to 0 or 100, got {got}, at `$.traffic`. Name every "
    "deployment that is to get live requests."
)
UNKNOWN = (
    "(BadRequest) expected a deployment of this endpoint ({known}), got {name!r}, at "
    "`$.{key}.{name}`. Create the deployment first."
)
DELIMITER = "Do not add a delimiter between traffic variables"
EMPTY_KEY = "usage error: Empty key in --set. Correct syntax: --set KEY=VALUE [KEY=VALUE ...]"

ENDPOINT_CALLS = [
    ("update -n {e} --traffic blue=50", SUM.format(got="blue=50 with the sum 50")),
    ("update -n {e} --traffic 'blue=60 green=60'",
     SUM.format(got="blue=60 green=60 with the sum 120")),
    # The last one counts, as with az.
    ("update -n {e} --traffic blue=90 --traffic green=10",
     SUM.format(got="green=10 with the sum 10")),
    ("update -n {e} --set traffic.blue=50", SUM.format(got="blue=50 with the sum 50")),
    ("update -n {e} --traffic 'blue=90, green=10'", DELIMITER),
    ("update -n {e} --traffic blue=90,green=10", DELIMITER),
    ("update -n {e} --traffic blue=100%", DELIMITER),
    ("update -n {e} --traffic blue=-10", DELIMITER),
    ("update -n {e} --traffic blue=0.9", DELIMITER),
    ("update -n {e} --traffic blue:90", TRAFFIC.format(got="'blue:90'", flag="--traffic")),
    ("update -n {e} --traffic blue", TRAFFIC.format(got="'blue'", flag="--traffic")),
    ("update -n {e} --traffic 'blue=90  green=10'",
     TRAFFIC.format(got="'blue=90  green=10'", flag="--traffic")),
    ("update -n {e} --traffic 'gren=100'",
     UNKNOWN.format(known="blue, green", name="gren", key="traffic")),
    ("update -n {e} --traffic blue=101",
     "(BadRequest) command line: expected `int` <= 100, got 101 (int), at `$.traffic.blue`"),
    ("update -n {e} --mirror-traffic green=60",
     "(BadRequest) expected a percent from 0 to 50, got 60, at `$.mirror_traffic.green`"),
    ("update -n {e} --mirror-traffic blue=10",
     "(BadRequest) expected live or mirrored traffic, not both, got 'blue' with 100 % live and "
     "10 % mirrored, at `$.mirror_traffic.blue`. Set one of the two to 0."),
    ("update -n {e} --mirror-traffic red=10",
     UNKNOWN.format(known="blue, green", name="red", key="mirror_traffic")),
    ("update -n {e} --mirror-traffic green=ten",
     "(BadRequest) command line: expected `int`, got 'ten' (str), at `$.mirror_traffic.green`"),
    ("update -n {e} --mirror-traffic green",
     TRAFFIC.format(got="'green'", flag="--mirror-traffic")),
    ("update -n {e} --set traffic.blue=ninety",
     "(BadRequest) command line: expected `int`, got 'ninety' (str), at `$.traffic.blue`"),
    ("update -n {e} --set 'traffic={{blue:100}}'",
     "(BadRequest) command line: expected `object`, got '{{blue:100}}' (str), at `$.traffic`"),
    ("update -n {e} --set instance_count=2",
     f"(BadRequest) command line: expected one of {ENDPOINT_KEYS}, got the key "
     "`instance_count`, at `$.instance_count`"),
    ("update -n {e} --set =2", EMPTY_KEY),
    ("update -n {e} --set tags..a=2", EMPTY_KEY),
    ("update -n {e} --set tags", "usage error: --set KEY=VALUE [KEY=VALUE ...]"),
    ("update -n {e} --set tags.a.b=1",
     "(BadRequest) command line: expected `str`, got object, at `$.tags.a`"),
    ("update -n {e} --set compute=azureml:cluster",
     "(BadRequest) expected no cluster, as the endpoint was created with, got azureml:cluster, at "
     "`$.compute`. Delete the endpoint and create it anew to change its kind."),
    ("update -n {e} --set name=other",
     "(BadRequest) expected '{e}', got 'other', at `$.name`. Names can't be changed: create "
     "another one, and delete this."),
    ("update -n {e} --remove tags.team", "Couldn't find 'team' in 'tags'. Available options: none"),
    ("update -n {e} --add tags team",
     "(BadRequest) --add: expected a list, got {{}} (dict), at `$.tags`"),
    ("update -n {e} --add tags",
     "usage error: --add PROPERTY KEY=VALUE [KEY=VALUE ...] | VALUE"),
    ("update -n {k} --set auth_mode=aad_token",
     "(BadRequest) expected key or aml_token, got 'aad_token', at `$.auth_mode`. Tokens of Entra "
     "ID can be checked in Azure's cloud only."),
    ("create -n {e}", EXISTS.format(a="An endpoint", noun="endpoint")),
    ("create -n my_endpoint", LETTERS.format(got="my_endpoint")),
    ("create -n 1endpoint", LETTERS.format(got="1endpoint")),
    ("create -n my-endpoint-", LETTERS.format(got="my-endpoint-")),
    ("create -n new-one --set traffic.blue=100",
     UNKNOWN.format(known="none yet", name="blue", key="traffic")),
    ("create -n new-one --set mirror_traffic=10",
     "(BadRequest) command line: expected `object`, got '10' (str), at `$.mirror_traffic`"),
    ("create -n new-one -f {f}/blue.yml",
     f"(BadRequest) {{f}}/blue.yml: expected one of {ENDPOINT_KEYS}, got the key "
     "`code_configuration`, at `$.code_configuration`"),
    ("get-credentials -n nobody", NO_ENDPOINT),
    ("regenerate-keys -n nobody", NO_ENDPOINT),
    ("invoke -n nobody -r {f}/request.json", NO_ENDPOINT),
    ("invoke -n {e} -d red -r {f}/request.json", "Deployment name red not found for this endpoint"),
    ("invoke -n {e} -r {f}/blue.yml",
     "(BadRequest) {f}/blue.yml: expected JSON, got Expecting value (line 1, column 1)"),
]  # fmt: skip

CREATE = "create -n red -f {f}/blue.yml"
DEPLOYMENT_CALLS = [
    ("create -f {f}/blue.yml", EXISTS.format(a="A deployment", noun="deployment")),
    (f"{CREATE} -e nobody", NO_ENDPOINT),
    (f"{CREATE} -e {{k}}",
     "(BadRequest) expected 'kubernetes', because the endpoint is one with `compute`, got "
     "'managed', at `$.type`"),
    (f"{CREATE} --set type=kubernetes",
     "(BadRequest) expected 'managed', because the endpoint is one without `compute`, got "
     "'kubernetes', at `$.type`"),
    ("create -n ab -f {f}/blue.yml",
     "(BadRequest) The name for a deployment must be at least 3 and at most 32 characters long "
     "(inclusive of both limits). Got 'ab', 2 characters, at `$.name`."),
    (f"{CREATE} --set instance_count=two",
     "(BadRequest) {f}/blue.yml: expected `int`, got 'two' (str), at `$.instance_count`"),
    (f"{CREATE} --set instance_count=51",
     "(BadRequest) {f}/blue.yml: expected `int` <= 50, got '51' (str), at `$.instance_count`"),
    (f"{CREATE} --set request_settings.request_timeout_ms=180001",
     "(BadRequest) expected at most 180000, got 180001, at "
     "`$.request_settings.request_timeout_ms`. Only the type kubernetes may wait longer."),
    (f"{CREATE} --set request_settings.timeout_ms=5",
     "(BadRequest) {f}/blue.yml: expected one of max_concurrent_requests_per_instance, "
     "max_queue_wait_ms, request_timeout_ms, got the key `timeout_ms`, at "
     "`$.request_settings.timeout_ms`; did you mean `request_timeout_ms`?"),
    (f"{CREATE} --set scale_settings.type=target_utilization",
     "(BadRequest) ManagedOnlineEndpoint supports DefaultScaleSettings only. Got "
     "'target_utilization', at `$.scale_settings.type`."),
    (f"{CREATE} --set model=azureml:{{e}}:7",
     "(BadRequest) expected one of the registered models, got 'azureml:{e}:7', at `$.model`. "
     "There are: azureml:{e}:1. Register it with `turnout ml model create --name {e} --version 7 "
     "--path PATH`."),
    (f"{CREATE} --set model=azureml:{{e}}@newest",
     "(BadRequest) expected the label 'latest', got 'newest' in 'azureml:{e}@newest', at "
     "`$.model`"),
    (f"{CREATE} --set code_configuration.code=azureml:{{e}}",
     "(BadRequest) expected `azureml:NAME:VERSION`, `azureml:NAME@latest` or the id of one of the "
     "codes, got 'azureml:{e}', at `$.code_configuration.code`"),
    (f"{CREATE} --set code_configuration.scoring_script=main.py",
     "(BadRequest) {f}/blue.yml: expected a file in '{f}/code', got 'main.py', at "
     "`$.code_configuration.scoring_script`"),
    (f"{CREATE} --set environment_variables.WORKER_COUNT=0",
     "(BadRequest) expected a number from 1 to 1000, got '0', at "
     "`$.environment_variables.WORKER_COUNT`"),
    (f"{CREATE} --set liveness_probe.period=0",
     "(BadRequest) {f}/blue.yml: expected `int` >= 1, got '0' (str), at `$.liveness_probe.period`"),
    ("create -n red -f {f}/conda-blue.yml",
     "(BadRequest) expected a requirement such as joblib==1.5, a URL or an absolute path, got "
     "'./own', at `$.conda_file.dependencies[1].pip[0]`. A conda file is sent without the files "
     "beside it: write the lines of a requirements file here, and put a package of your own into "
     "the code folder, beside the scoring script."),
    ("update -n red -e {e} --set instance_count=2", "Deployment does not exist"),
    ("update -n blue -e {e} --set instance_count=0",
     "(BadRequest) --set: expected `int` >= 1, got 0 (int), at `$.instance_count`"),
    ("update -n blue -e {e} --set instance_count=2 --force-string --set instance_count=x",
     "(BadRequest) --set: expected `int`, got 'x' (str), at `$.instance_count`"),
    ("update -n blue -e {e} --set name=red",
     "(BadRequest) expected 'blue', got 'red', at `$.name`. Names can't be changed: create "
     "another one, and delete this."),
    ("update -n blue -e {e} --set endpoint_name=other",
     "(BadRequest) expected '{e}', got 'other', at `$.endpoint_name`. Names can't be changed: "
     "create another one, and delete this."),
    ("update -n blue -e {e} --set environment_variables.A=1 model=nowhere",
     "(BadRequest) --set: expected a path that exists, got 'nowhere', at `$.model`. It is taken "
     "relative to {cwd}."),
    ("delete -n blue -e {e} --yes",
     "(BadRequest) You cannot delete a deployment that has live traffic allocated to it. You must "
     "first set traffic allocation for the deployment to 0% before deleting it. Got 'blue' with "
     "100 %, at `$.traffic.blue`."),
    ("delete -n green -e {e}",
     "Unable to prompt for confirmation as no tty available. Use --yes."),
    ("delete -n red -e {e} --yes", "Deployment does not exist."),
    ("delete -n blue -e nobody --yes", "Deployment does not exist."),
    ("get-logs -n red -e {e}",
     "(ResourceNotFound) expected a deployment of endpoint '{e}', got 'red'. Create it first with "
     "`turnout ml online-deployment create --name red --endpoint-name {e} --file FILE`."),
    ("list -e nobody", NO_ENDPOINT),
]  # fmt: skip

ASSET_CALLS = [
    ("model create -n {e} -v 1 --path {f}/request.json",
     "(Conflict) azureml:{e}:1 already exists with other content, and a version never changes. "
     "Register this one with another version."),
    ("model create -n m/1 --path {f}/model.txt",
     "(BadRequest) expected a name of 1 to 255 letters, digits, `-`, `_` and `.` that begins with "
     "a letter or digit, got 'm/1'"),
    ("model create -n {e} --path {f}/model.txt --set pth=x",
     "(BadRequest) command line: expected one of $schema, description, flavors, name, path, "
     "properties, stage, tags, type, version, got the key `pth`, at `$.pth`; did you mean "
     "`path`?"),
    ("model create -n {e} --path {f}/model.txt --set description",
     "usage error: --set KEY=VALUE [KEY=VALUE ...]"),
    ("model archive -n {e} -v 9",
     "(ResourceNotFound) expected a version of one of the models, got 'azureml:{e}:9'. There are: "
     "azureml:{e}:1."),
    ("environment create -n {e} --set conda_file={f}/none.yml",
     "(BadRequest) {f}/none.yml: expected a file, got none. Check the path."),
    ("environment create -n {e} --image any --tags team=ours --set os=linux",
     "(BadRequest) command line: expected one of $schema, build, conda_file, description, image, "
     "inference_config, name, os_type, properties, tags, version, got the key `os`, at `$.os`"),
    ("code create -n {e} --path {f}/model.txt",
     "(BadRequest) expected a folder, got '{f}/model.txt', at `$.properties.codeUri`"),
]  # fmt: skip

# Told by click, with the exit code 2.
WRONG_USAGE = [
    ("online-endpoint update -n {e} --traffic blue=90 green=10",
     "Got unexpected extra argument (green=10)"),
    ("online-endpoint update -n {e} --instance-count 2", "No such option '--instance-count'."),
    ("online-endpoint show {e}", "Missing option '-n' / '--name'."),
    ("online-endpoint list-keys -n {e}", "No such command 'list-keys'. Did you mean 'list'?"),
    ("online-endpoint invoke -n {e}", "Missing option '-r' / '--request-file'."),
    ("online-endpoint update -n", "Option '-n' requires an argument."),
    ("online-deployment create -n red -e {e}", "Missing option '-f' / '--file'."),
    ("online-deployment update -n blue --set instance_count=2",
     "Missing option '--endpoint-name': give it, or a file with the key `endpoint_name`."),
    ("online-deployment update -e {e} --set instance_count=2",
     "Missing option '--name': give it, or a file with the key `name`."),
    ("online-deployment update -n blue -e {e} --traffic blue=0",
     "No such option '--traffic'."),
    ("online-deployment show -n blue", "Missing option '-e' / '--endpoint-name'."),
    ("online-deployment delete -n blue --yes", "Missing option '-e' / '--endpoint-name'."),
    ("online-deployment get-logs -n blue -e {e} --lines 0",
     "Invalid value for '-l' / '--lines': 0 is not in the range x>=1."),
    ("model create --path {f}/model.txt",
     "Missing option '--name': give it, or a file with the key `name`."),
    ("model create -n {e} --path {f}/model.txt --tags",
     "Option '--tags' requires an argument."),
    ("model show -n {e}", "expected either --version or --label"),
]  # fmt: skip

CALLS = [
    *((f"online-endpoint {words}", message) for words, message in ENDPOINT_CALLS),
    *((f"online-deployment {words}", message) for words, message in DEPLOYMENT_CALLS),
    *ASSET_CALLS,
]
