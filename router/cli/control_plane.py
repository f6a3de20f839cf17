"""Speaks the control plane's REST API over HTTP; what the bodies mean is not known here."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import urllib3

from router.cli.errors import CommandFailed, NotFound, Refused, Unreachable

CONNECT_TIMEOUT_S = 5
# Above the longest that an operation's status is waited for, and an update's drain.
READ_TIMEOUT_S = 60
HTTP_ERROR = 400
NOT_FOUND = 404
# Not an option: command lines can be seen by everybody.
TOKEN_VARIABLE = "TURNOUT_TOKEN"  # noqa: S105 - its name


class Workspace(NamedTuple):
    """Which workspace to name. The daemon takes any, and has one store for all."""

    subscription: str = "00000000-0000-0000-0000-000000000000"
    group: str = "turnout"
    name: str = "turnout"

    @property
    def path(self) -> str:
        """Its path in Azure Resource Manager's tree."""
        return (
            f"/subscriptions/{quote(self.subscription, safe='')}"
            f"/resourceGroups/{quote(self.group, safe='')}"
            "/providers/Microsoft.MachineLearningServices"
            f"/workspaces/{quote(self.name, safe='')}"
        )


USUAL_WORKSPACE = Workspace()


class Reply(NamedTuple):
    """A successful answer; ``body`` is None when it has none."""

    status: int
    headers: Mapping[str, str]
    body: Any


def endpoint_path(endpoint: str = "") -> str:
    """The path of an endpoint, or of the list of all, below the workspace."""
    return "/onlineEndpoints" + (f"/{quote(endpoint, safe='')}" if endpoint else "")


def deployment_path(endpoint: str, deployment: str = "") -> str:
    """The path of a deployment, or of the list of an endpoint's."""
    suffix = f"/{quote(deployment, safe='')}" if deployment else ""
    return f"{endpoint_path(endpoint)}/deployments{suffix}"


class ControlPlane:
    """A client of the daemon at ``url``. Connects with the first call.

    Args:
        log: told of each call in one line, without bodies, for these hold credentials.
        timeout_s: how long an answer may take, and a connection at most.
    """

    def __init__(
        self,
        url: str,
        workspace: Workspace = USUAL_WORKSPACE,
        log: Callable[[str], None] = lambda _: None,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self.url = url
        self._workspace = workspace
        self._log = log
        timeout = urllib3.Timeout(connect=min(timeout_s, CONNECT_TIMEOUT_S), read=timeout_s)
        token = os.environ.get(TOKEN_VARIABLE)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False, headers=headers)

    def close(self) -> None:
        """Closes its connections."""
        self._pool.clear()

    def get(self, path: str) -> Any:
        """The body of the resource."""
        return self.call("GET", path).body

    def find(self, path: str) -> Any:
        """The body of the resource, None when there is none."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Does one call; ``path`` is below the workspace, or a whole address that the daemon gave.

        Raises:
            Refused: the daemon answered with an error.
            Unreachable: nobody answered.
            CommandFailed: something did that is no control plane.
        """
        url = path if path.startswith("http") else self.url + self._workspace.path + path
        self._log(f"{method} {url}")
        try:
            sent = {**self._pool.headers, **(headers or {})}
            response = self._pool.request(method, url, json=body, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        self._log(f"answered {response.status} with {len(response.data)} bytes")
        decoded = self._decode(response)
        if response.status >= HTTP_ERROR:
            raise self._refused(response.status, decoded)
        return Reply(response.status, response.headers, decoded)

    def _decode(self, response: urllib3.BaseHTTPResponse) -> Any:
        try:
            return json.loads(response.data) if response.data else None
        except ValueError:
            raise self._no_control_plane(response.status) from None

    def _refused(self, status: int, body: Any) -> CommandFailed:
        try:
            return Refused(status, body["error"]["code"], body["error"]["message"])
        except (KeyError, TypeError):
            return self._no_control_plane(status)

    def _no_control_plane(self, status: int) -> CommandFailed:
        return CommandFailed(
            f"expected a control plane at {self.url}, got an answer with status {status} that is "
            "not its own. Name another with --control-plane"
        )

    def _unreachable(self, error: urllib3.exceptions.HTTPError) -> Unreachable:
        return Unreachable(
            f"cannot reach the control plane at {self.url} ({reason(error)}). Start it with "
            "`turnout serve`, or name another with --control-plane"
        )


def show_or_exit(control_plane: ControlPlane, path: str, missing: str | None = None) -> Any:
    """The body of the resource that a `show` asks for.

    Args:
        missing: what to say if there is none; None for the daemon's words.

    Raises:
        CommandFailed: there is none; az ends with 3 then.
    """
    try:
        return control_plane.get(path)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
        raise NotFound(missing or refused.message) from None


def reason(error: urllib3.exceptions.HTTPError) -> str:
    """Why a call got no answer, in a few words."""
    cause = error.__cause__ or next((a for a in error.args if isinstance(a, OSError)), None)
    if isinstance(cause, OSError):
        return (cause.strerror or str(cause)).lower()
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "no answer in time"
    return str(error)
