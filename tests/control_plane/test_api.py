"""The REST API over HTTP, on a real daemon with real workers and instances."""

from pathlib import Path

import pytest

from tests.control_plane.daemon import ENDPOINTS, Client, Daemon, deployment_body

BROKEN_INIT = "def init():\n    raise RuntimeError('no such weights')\ndef run(raw): return 1\n"
SLOW_INIT = """
import pathlib, time
def init():
    deadline = time.monotonic() + 30
    while not pathlib.Path({gate!r}).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
def run(raw): return 'ok'
"""


def answering(text: str) -> str:
    return f"def init(): pass\ndef run(raw): return {text!r}\n"


async def test_an_endpoint_is_created_shown_listed_and_deleted(client: Client) -> None:
    body = {"tags": {"team": "a"}, "properties": {"description": "first"}}
    created = await client.call("PUT", "life", body)
    assert created.status == 201
    shown = await client.call("GET", "life")
    assert shown.status == 200
    assert shown.body == created.body
    assert shown.body["tags"] == {"team": "a"}
    assert shown.body["properties"]["provisioningState"] == "Succeeded"
    assert shown.body["properties"]["scoringUri"].endswith("/life/score")
    listed = await client.call("GET", "")
    assert "life" in [endpoint["name"] for endpoint in listed.body["value"]]
    deleted = await client.call("DELETE", "life")
    assert deleted.status == 202
    assert (await client.finish(deleted)).body["status"] == "Succeeded"
    assert (await client.call("GET", "life")).status == 404


async def test_what_a_get_answered_may_be_put_back_and_changes_nothing(
    client: Client, shared_daemon: Daemon
) -> None:
    await client.serve("round", "blue", shared_daemon.code("round"))
    before = await client.call("GET", "round")
    assert (await client.call("PUT", "round", before.body)).status == 200
    after = await client.call("GET", "round")
    assert after.body["properties"] == before.body["properties"]
    deployment = await client.call("GET", "round/deployments/blue")
    instances = shared_daemon.pids("i")
    done = await client.finish(await client.call("PUT", "round/deployments/blue", deployment.body))
    assert done.body["status"] == "Succeeded"
    assert shared_daemon.pids("i") == instances


async def test_a_deployment_serves_once_its_operation_has_succeeded(
    client: Client, shared_daemon: Daemon
) -> None:
    assert (await client.call("PUT", "serving", {"properties": {}})).status == 201
    begun = await client.put_deployment("serving", "blue", shared_daemon.code("serving"))
    assert begun.status == 201
    assert begun.body["properties"]["provisioningState"] == "Creating"
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    shown = await client.call("GET", "serving/deployments/blue")
    assert shown.body["properties"]["provisioningState"] == "Succeeded"
    listed = await client.call("GET", "serving/deployments")
    assert [deployment["name"] for deployment in listed.body["value"]] == ["blue"]
    assert (await client.score("serving")).status == 404
    await client.set_traffic("serving", blue=100)
    answer = await client.score("serving")
    assert (answer.status, answer.body) == (200, "ok")
    counted = await client.call("GET", "serving/statistics")
    assert [d["live"] for d in counted.body["deployments"]] == [1]


async def test_a_failing_init_fails_the_deployment_with_its_traceback(
    client: Client, shared_daemon: Daemon
) -> None:
    await client.call("PUT", "broken", {"properties": {}})
    code = shared_daemon.code("broken", BROKEN_INIT)
    done = await client.finish(await client.put_deployment("broken", "blue", code))
    assert done.body["status"] == "Failed"
    assert done.body["error"]["code"] == "DeploymentFailed"
    assert "RuntimeError: no such weights" in done.message
    assert "line 2, in init" in done.message
    shown = await client.call("GET", "broken/deployments/blue")
    assert shown.body["properties"]["provisioningState"] == "Failed"
    assert "no such weights" in shown.body["properties"]["provisioningError"]["message"]
    logs = await client.call("POST", "broken/deployments/blue/getLogs", {"tail": 50})
    assert "no such weights" in logs.body["content"]
    # Mended, it comes up.
    code = shared_daemon.code("broken")
    done = await client.finish(await client.put_deployment("broken", "blue", code))
    assert done.body["status"] == "Succeeded"


async def test_an_update_that_fails_leaves_the_old_instances_serving(
    client: Client, shared_daemon: Daemon
) -> None:
    await client.serve("keep", "blue", shared_daemon.code("keep-1", answering("old")))
    code = shared_daemon.code("keep-2", BROKEN_INIT)
    done = await client.finish(await client.put_deployment("keep", "blue", code))
    assert done.body["status"] == "Failed"
    assert (await client.score("keep")).body == "old"


async def test_a_code_update_replaces_the_instances_and_what_they_answer(
    client: Client, shared_daemon: Daemon
) -> None:
    await client.serve("roll", "blue", shared_daemon.code("roll-1", answering("old")))
    before = shared_daemon.pids("i")
    code = shared_daemon.code("roll-2", answering("new"))
    begun = await client.put_deployment("roll", "blue", code)
    assert begun.status == 200
    assert begun.body["properties"]["provisioningState"] == "Updating"
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    assert (await client.score("roll")).body == "new"
    after = shared_daemon.pids("i")
    assert len(after) == len(before)
    assert after != before


async def test_scaling_keeps_the_instances_that_stay(client: Client, shared_daemon: Daemon) -> None:
    code = shared_daemon.code("scale")
    await client.serve("scale", "blue", code)
    one = shared_daemon.pids("i").items()
    up = await client.finish(await client.put_deployment("scale", "blue", code, 2))
    assert up.body["properties"]["message"].startswith("2 instances serve")
    two = shared_daemon.pids("i").items()
    assert len(two - one) == 1
    assert one < two
    down = await client.finish(await client.put_deployment("scale", "blue", code, 1))
    assert down.body["status"] == "Succeeded"
    assert shared_daemon.pids("i").items() == one
    assert (await client.score("scale")).status == 200


async def test_a_change_of_request_settings_restarts_nothing(
    client: Client, shared_daemon: Daemon
) -> None:
    code = shared_daemon.code("settings")
    await client.serve("settings", "blue", code)
    before = shared_daemon.pids("i")
    settings = {"requestTimeout": "PT7S", "maxConcurrentRequestsPerInstance": 3}
    begun = await client.put_deployment("settings", "blue", code, requestSettings=settings)
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    assert shared_daemon.pids("i") == before
    shown = await client.call("GET", "settings/deployments/blue")
    assert shown.body["properties"]["requestSettings"]["requestTimeout"] == "PT7S"


async def test_a_deployment_with_live_or_mirrored_traffic_is_not_deleted(
    client: Client, shared_daemon: Daemon
) -> None:
    code = shared_daemon.code("delete")
    await client.serve("delete", "blue", code)
    await client.finish(await client.put_deployment("delete", "green", code))
    rules = {"traffic": {"blue": 100}, "mirrorTraffic": {"green": 10}}
    assert (await client.call("PUT", "delete", {"properties": rules})).status == 200
    for name, key in (("blue", "$.traffic.blue"), ("green", "$.mirror_traffic.green")):
        refused = await client.call("DELETE", f"delete/deployments/{name}")
        assert refused.status == 400
        assert key in refused.message
    await client.set_traffic("delete", green=100)
    done = await client.finish(await client.call("DELETE", "delete/deployments/blue"))
    assert done.body["status"] == "Succeeded"
    assert (await client.call("GET", "delete/deployments/blue")).status == 404
    assert (await client.score("delete")).status == 200


async def test_deleting_an_endpoint_takes_its_deployments_along_traffic_or_not(
    client: Client, shared_daemon: Daemon
) -> None:
    before = shared_daemon.pids("i")
    await client.serve("whole", "blue", shared_daemon.code("whole"))
    key = (await client.call("POST", "whole/listKeys")).body["primaryKey"]
    done = await client.finish(await client.call("DELETE", "whole"))
    assert done.body["status"] == "Succeeded"
    assert shared_daemon.pids("i") == before
    assert (await client.call("GET", "whole")).status == 404
    assert (await client.score("whole", key)).status == 401


async def test_a_second_operation_on_an_endpoint_is_refused_while_one_runs(
    client: Client, shared_daemon: Daemon
) -> None:
    gate = shared_daemon.folder / "gate"
    code = shared_daemon.code("busy", SLOW_INIT.format(gate=str(gate)))
    await client.call("PUT", "busy", {"properties": {}})
    begun = await client.put_deployment("busy", "blue", code)
    before = (await client.call("GET", "busy/deployments")).body
    polled = await client.poll(begun)
    # Without it the SDK sleeps for 30 s between two polls (azure.md 8.3).
    assert (polled.body["status"], polled.headers["Retry-After"]) == ("Creating", "1")
    for refused in (
        await client.put_deployment("busy", "green", code),
        await client.call("PUT", "busy", {"properties": {"description": "x"}}),
        await client.call("DELETE", "busy"),
        await client.call("DELETE", "busy/deployments/blue"),
        await client.call("POST", "busy/regenerateKeys", {"keyType": "Primary"}),
    ):
        assert refused.status == 409
        assert refused.body["error"]["code"] == "Conflict"
        assert "busy" in refused.message
    assert (await client.call("GET", "busy/deployments")).body == before
    # Another endpoint is free.
    assert (await client.call("PUT", "idle", {"properties": {}})).status == 201
    gate.touch()
    assert (await client.finish(begun)).body["status"] == "Succeeded"


async def test_a_regenerated_key_opens_the_endpoint_and_the_old_one_no_longer(
    client: Client, shared_daemon: Daemon
) -> None:
    await client.serve("keys", "blue", shared_daemon.code("keys"))
    old = (await client.call("POST", "keys/listKeys")).body
    body = {"keyType": "Primary", "keyValue": old["primaryKey"]}
    new = (await client.call("POST", "keys/regenerateKeys", body)).body
    assert new["primaryKey"] != old["primaryKey"]
    assert new["secondaryKey"] == old["secondaryKey"]
    assert (await client.score("keys", old["primaryKey"])).status == 401
    assert (await client.score("keys", new["primaryKey"])).status == 200
    assert (await client.score("keys", old["secondaryKey"])).status == 200
    body = {"keyType": "Secondary", "keyValue": "a-key-of-my-own-choice"}
    chosen = (await client.call("POST", "keys/regenerateKeys", body)).body
    assert chosen == {**new, "secondaryKey": "a-key-of-my-own-choice"}


async def test_an_endpoint_of_the_mode_aml_token_is_opened_by_its_tokens_and_not_by_keys(
    client: Client, shared_daemon: Daemon
) -> None:
    await client.serve("tokens", "blue", shared_daemon.code("tokens"))
    keys = (await client.call("POST", "tokens/listKeys")).body
    refused = await client.call("POST", "tokens/token")
    assert refused.status == 400
    assert "does not use tokens for authentication" in refused.body["error"]["message"]
    body = {"properties": {"authMode": "AMLToken", "traffic": {"blue": 100}}}
    changed = await client.call("PUT", "tokens", body)
    assert changed.body["properties"]["authMode"] == "AMLToken"
    token = (await client.call("POST", "tokens/token")).body
    assert token["tokenType"] == "Bearer"
    assert token["expiryTimeUtc"] - token["refreshAfterTimeUtc"] == 43_200
    assert (await client.score("tokens", token["accessToken"])).status == 200
    assert (await client.score("tokens", token["accessToken"][:-9])).status == 401
    assert (await client.score("tokens", keys["primaryKey"])).status == 401
    for verb, sent in (("listKeys", None), ("regenerateKeys", {"keyType": "Primary"})):
        refused = await client.call("POST", f"tokens/{verb}", sent)
        assert refused.status == 400
        assert (
            "Endpoint 'tokens' does not use keys for authentication."
            in refused.body["error"]["message"]
        )


async def test_a_token_opens_no_other_endpoint(client: Client, shared_daemon: Daemon) -> None:
    for name in ("token-one", "token-two"):
        await client.serve(name, "blue", shared_daemon.code(name))
        body = {"properties": {"authMode": "AMLToken", "traffic": {"blue": 100}}}
        await client.call("PUT", name, body)
    token = (await client.call("POST", "token-one/token")).body["accessToken"]
    assert (await client.score("token-one", token)).status == 200
    assert (await client.score("token-two", token)).status == 401


async def test_logs_hold_what_the_script_printed_and_only_as_many_lines_as_asked(
    client: Client, shared_daemon: Daemon
) -> None:
    script = "def init():\n    for n in range(9): print('line', n)\ndef run(raw): return 1\n"
    await client.serve("logs", "blue", shared_daemon.code("logs", script))
    path = "logs/deployments/blue/getLogs"
    assert "line 0" in (await client.call("POST", path, {})).body["content"]
    short = (await client.call("POST", path, {"tail": 2})).body["content"]
    assert len(short.splitlines()) == 2
    storage = {"containerType": "StorageInitializer"}
    assert (await client.call("POST", path, storage)).body["content"] == ""


CODE = str(Path(__file__).parent)
NO_WORKERS = deployment_body(CODE, environmentVariables={"WORKER_COUNT": "0"})
BAD_VARIABLE = deployment_body(CODE, environmentVariables={"A=B": "1"})
REGISTERED = {
    "properties": {
        "codeConfiguration": {"codeId": CODE, "scoringScript": "test_api.py"},
        "model": "azureml:m:1",
    }
}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("PUT", "ab", {"properties": {}}, 400, "at least 3"),
        ("PUT", "1bad", {"properties": {}}, 400, "must start with"),
        ("PUT", "bad", b"{", 400, "expected JSON"),
        ("PUT", "bad", b"", 400, "got nothing"),
        ("PUT", "bad", b"\xff", 400, "expected JSON"),
        ("PUT", "bad", [], 400, "got array, at `$`"),
        ("PUT", "bad", {"properties": {"trafic": {}}}, 400, "did you mean `traffic`?"),
        ("PUT", "bad", {"properties": {"traffic": {"blue": 100}}}, 400, "$.traffic.blue"),
        ("PUT", "fix", {"properties": {"traffic": {"blue": 50}}}, 400, "sum to 0 or 100"),
        ("PUT", "fix", {"properties": {"traffic": {"no": 100}}}, 400, "$.traffic.no"),
        ("PUT", "fix", {"properties": {"mirrorTraffic": {"blue": 60}}}, 400, "from 0 to 50"),
        ("PUT", "fix/deployments/x", deployment_body("/"), 400, "at least 3"),
        ("PUT", "fix/deployments/new", deployment_body("code"), 400, "expected an absolute path"),
        ("PUT", "fix/deployments/new", deployment_body("/nowhere"), 400, "'/nowhere'"),
        ("PUT", "fix/deployments/new", deployment_body("/etc"), 400, "'score.py'"),
        ("PUT", "fix/deployments/new", {"properties": {}}, 400, "`codeConfiguration`"),
        ("PUT", "fix/deployments/new", NO_WORKERS, 400, "$.environment_variables.WORKER_COUNT"),
        ("PUT", "fix/deployments/new", BAD_VARIABLE, 400, "without `=`"),
        ("PUT", "fix/deployments/new", REGISTERED, 400, "expected one of the registered models"),
        ("PUT", "none/deployments/new", deployment_body("/"), 404, "'none'"),
        ("GET", "none", None, 404, "'none'"),
        ("GET", "fix/deployments/none", None, 404, "'none'"),
        ("GET", "none/deployments", None, 404, "'none'"),
        ("POST", "none/listKeys", None, 404, "'none'"),
        ("POST", "fix/regenerateKeys", {"keyType": "Third"}, 400, "'Primary' or 'Secondary'"),
        ("POST", "fix/regenerateKeys", {"keyType": "Primary", "keyValue": "a b"}, 400, "'a b'"),
        ("POST", "fix/deployments/blue/getLogs", {"tail": 0}, 400, "$.tail"),
        ("GET", "fix/statistics/more", None, 404, "Not Found"),
        ("PATCH", "fix", {}, 405, "Method Not Allowed"),
        ("GET", f"{ENDPOINTS[:16]}/nothing", None, 404, "Not Found"),
    ],
)
async def test_bad_input_is_refused_and_changes_nothing(
    client: Client,
    shared_daemon: Daemon,
    method: str,
    path: str,
    body: object,
    status: int,
    message: str,
) -> None:
    if (await client.call("GET", "fix")).status == 404:
        await client.serve("fix", "blue", shared_daemon.code("fix"))
    before = [(await client.call("GET", path)).body for path in ("", "fix/deployments")]
    raw = body if isinstance(body, bytes) else None
    refused = await client.call(method, path, None if raw is not None else body, raw)
    assert refused.status == status, refused.body
    assert message in refused.message
    after = [(await client.call("GET", path)).body for path in ("", "fix/deployments")]
    assert after == before


@pytest.mark.parametrize(
    ("script", "message"),
    [("def run(:\n", "SyntaxError: invalid syntax"), ("\0", "null bytes")],
)
async def test_a_script_that_is_not_python_fails_its_deployment_with_the_traceback(
    client: Client, shared_daemon: Daemon, script: str, message: str
) -> None:
    await client.call("PUT", "syntax", {"properties": {}})
    code = shared_daemon.code("syntax", script)
    begun = await client.put_deployment("syntax", "blue", code)
    ended = (await client.finish(begun)).body
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "DeploymentFailed")
    assert message in ended["error"]["message"]


async def test_deleting_what_is_not_there_says_so_without_an_error(client: Client) -> None:
    assert (await client.call("DELETE", "none")).status == 204
    assert (await client.call("DELETE", "none/deployments/none")).status == 204


async def test_the_status_names_the_addresses_and_the_workers(
    client: Client, shared_daemon: Daemon
) -> None:
    status = (await client.call("GET", "/status")).body
    assert {key: status[key] for key in shared_daemon.addresses} == shared_daemon.addresses
    assert {worker["pid"] for worker in status["workers"]} == set(shared_daemon.pids("w").values())
    assert shared_daemon.addresses["scoring_base"] in shared_daemon.ready_line


async def test_a_model_keeps_its_folder_name_below_azureml_model_dir(
    client: Client, shared_daemon: Daemon
) -> None:
    script = """
import os
def init(): pass
def run(raw): return open(os.path.join(os.environ['AZUREML_MODEL_DIR'], 'weights/w.txt')).read()
"""
    model = shared_daemon.folder / "weights"
    model.mkdir()
    (model / "w.txt").write_text("42")
    await client.call("PUT", "model", {"properties": {}})
    code = shared_daemon.code("model", script)
    begun = await client.put_deployment("model", "blue", code, model=str(model))
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    await client.set_traffic("model", blue=100)
    assert (await client.score("model")).body == "42"
