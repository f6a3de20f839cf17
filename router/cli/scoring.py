"""Sends one request to an endpoint, as a client of the data plane."""

import urllib3

from router.cli.control_plane import reason
from router.cli.errors import CommandFailed

CONNECT_TIMEOUT_S = 5
# Above the longest request_timeout_ms, so that the endpoint's own 408 is seen.
READ_TIMEOUT_S = 200
OK = 200


def score(uri: str, key: str, request: object, deployment: str | None) -> str:
    """The answer's text.

    Args:
        uri: the endpoint's scoring_uri.
        key: one of its keys.
        request: plain data, sent as JSON.
        deployment: the one to call directly; None leaves it to the traffic.

    Raises:
        CommandFailed: no answer, or any status but 200.
    """
    headers = {"Authorization": f"Bearer {key}"}
    if deployment is not None:
        headers["azureml-model-deployment"] = deployment
    timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S)
    try:
        with urllib3.PoolManager(timeout=timeout, retries=False) as pool:
            response = pool.request("POST", uri, json=request, headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise CommandFailed(
            f"cannot reach the endpoint at {uri} ({reason(error)}). Look at the daemon's output "
            "and at the workers' logs in its state folder"
        ) from None
    text = response.data.decode(errors="replace")
    if response.status != OK:
        raise CommandFailed(f"{uri} answered {response.status} {response.reason}: {text}")
    return text
