"""Azure's own scoring server and Turnout, side by side on the same scripts, over real HTTP."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from tests.contract.scripts import SCRIPTS
from tests.control_plane.daemon import ENDPOINTS
from tests.e2e.harness import Daemon
from tests.free_port import free_port

WAIT_S = 60
NO_RETRIES = urllib3.Retry(0, redirect=False)
# What differs by nature: times, ids, who answers, and how the connection is used.
BY_NATURE = {
    "connection", "content-length", "date", "server", "transfer-encoding", "x-ms-request-id",
    "x-ms-run-fn-exec-ms", "x-ms-server-version", "x-request-id",
}  # fmt: skip
# Azure's front end, and ours, put these around a model's error (azure.md 4.2).
FRONT_END = {"azureml-model-deployment", "ms-azureml-model-error-reason"}
MODEL_STATUS = "ms-azureml-model-error-statuscode"


class Reply:
    """What a server answered; a model's error as the model server said it."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self.headers = response.headers
        self.status = int(response.headers.get(MODEL_STATUS, response.status))
        self.body = response.data

    @property
    def compared_headers(self) -> dict[str, list[str]]:
        """The headers that must be the same."""
        left_out = BY_NATURE | FRONT_END | {MODEL_STATUS}
        headers = {
            name.lower(): self.headers.getlist(name)
            for name in self.headers
            if name.lower() not in left_out
        }
        # Azure's server leaves it out where a script made the response itself; we say it always.
        headers.setdefault("x-ms-run-function-failed", ["False"])
        return headers


class Server:
    """A place to send requests to."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url
        self.headers = headers

    def ask(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        return Reply(
            urllib3.request(
                method,
                self.url + target,
                body=body,
                headers={**self.headers, **headers},
                timeout=WAIT_S,
                retries=NO_RETRIES,
            )
        )


@contextmanager
def azure(folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """Azure's server on the script in ``folder``."""
    port = free_port()
    command = [sys.executable, "-m", "azureml_inference_server_http", "--port", str(port)]
    command += ["--entry_script", "score.py", "--model_dir", str(folder.parent / "models")]
    with (folder.parent / f"{folder.name}.azure.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "AML_APP_ROOT": str(folder), **environment},
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", {})
    try:
        _wait_until_healthy(process, server, Path(log.name))
        yield server
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _wait_until_healthy(process: subprocess.Popen[bytes], server: Server, log: Path) -> None:
    until = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < until:
        try:
            server.ask("GET", "/", None, {})
        except urllib3.exceptions.HTTPError:
            continue
        return
    raise AssertionError(log.read_text())


class Turnout:
    """A daemon with an endpoint for each script."""

    def __init__(self, folder: Path) -> None:
        self._daemon = Daemon(folder, _declarations(folder))

    def server(self, name: str) -> Server:
        """The endpoint of a script."""
        properties = self._ask("GET", name)["properties"]
        key = self._ask("POST", f"{name}/listKeys")["primaryKey"]
        url = properties["scoringUri"].removesuffix("/score")
        return Server(url, {"Authorization": f"Bearer {key}"})

    def logs(self, name: str) -> str:
        """What the script's instances printed."""
        content = self._ask("POST", f"{name}/deployments/blue/getLogs", b"{}")["content"]
        assert isinstance(content, str)
        return content

    def end(self) -> None:
        """Ends it, orderly."""
        assert self._daemon.end() == 0

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        url = f"{self._daemon.url}{ENDPOINTS}/{path}"
        return urllib3.request(method, url, body=body, timeout=WAIT_S, retries=NO_RETRIES).json()


def write_script(folder: Path, name: str) -> Path:
    """The files of a script, for either server; returns their folder."""
    code = folder / name
    code.mkdir()
    for file, text in {"score.py": SCRIPTS[name].text, **SCRIPTS[name].files}.items():
        (code / file).write_text(text)
    return code


def _declarations(folder: Path) -> str:
    lines = ["endpoints:"]
    for name, script in SCRIPTS.items():
        (folder / f"{name}.endpoint.yml").write_text(f"name: {name}\nauth_mode: key\n")
        variables = "".join(f"  {k}: '{v}'\n" for k, v in script.environment.items())
        (folder / f"{name}.blue.yml").write_text(
            f"name: blue\nendpoint_name: {name}\nmodel: {{path: models/model-1}}\n"
            f"code_configuration: {{code: {name}, scoring_script: score.py}}\n"
            "request_settings: {max_concurrent_requests_per_instance: 50}\n"
            f"environment_variables:\n{variables}"
        )
        lines += [f"- endpoint: {name}.endpoint.yml", f"  deployments: [{name}.blue.yml]"]
        lines += ["  traffic: {blue: 100}"]
    return "\n".join(lines)
