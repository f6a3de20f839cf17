"""The steps of Azure's safe-rollout notebook with its unmodified SDK (azure.md 1.4).

Run as a program of its own, with the environment that `turnout sdk-env` prints: each line
on its standard input names a step, each line it answers is that step's result as JSON. All
steps share one process, as the cells of a notebook do.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

ENDPOINT = "sdk-endpoint"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


class Credential:
    """All that the SDK asks of one; the daemon takes any token."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken("any", int(time.time_ns() / 1e9) + 3600)


class Notebook:
    """One method a cell; what a cell made is there for the next ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = MLClient(Credential(), SUBSCRIPTION, "my-group", "my-workspace")
        self.endpoint = ManagedOnlineEndpoint(
            name=ENDPOINT, description="a rollout", auth_mode="key", tags={"foo": "bar"}
        )

    def create_endpoint(self) -> object:
        made = self.client.online_endpoints.begin_create_or_update(self.endpoint).result()
        return [made.provisioning_state, made.tags, made.auth_mode]

    def create_inline(self, name: str) -> object:
        model = Model(path=str(self.folder / name / "weights" / "model.txt"))
        environment = Environment(
            conda_file=str(self.folder / "conda.yml"),
            image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest",
        )
        return self._deploy(name, model, environment, str(self.folder / name))

    def register(self, name: str) -> object:
        """Assets with names, versions counted by the SDK."""
        model = self.client.models.create_or_update(
            Model(
                name="registered", path=str(self.folder / name / "weights"), description="a folder"
            )
        )
        environment = self.client.environments.create_or_update(
            Environment(
                name="plain", version="3", image="any", conda_file=str(self.folder / "conda.yml")
            )
        )
        return [model.name, model.version, environment.name, environment.version]

    def create_registered(self, name: str, model: str) -> object:
        return self._deploy(name, model, "azureml:plain:3", str(self.folder / "shared"))

    def refused(self, model: str) -> object:
        try:
            self.create_registered("wrong", model)
        except HttpResponseError as error:
            return error.message
        return "it was not refused"

    def assets(self) -> object:
        latest = self.client.models.get("registered", label="latest")
        return {
            "latest": latest.version,
            "listed": [model.version for model in self.client.models.list("registered")],
            "names": sorted(model.name for model in self.client.models.list()),
            "conda": self.client.environments.get("plain", "3").conda_file["dependencies"],
        }

    def archive(self, version: str) -> object:
        self.client.models.archive("registered", version=version)
        listed = [model.version for model in self.client.models.list("registered")]
        self.client.models.restore("registered", version=version)
        return [listed, [model.version for model in self.client.models.list("registered")]]

    def scale(self, name: str, count: int) -> object:
        deployment = self.client.online_deployments.get(name=name, endpoint_name=ENDPOINT)
        deployment.instance_count = count
        done = self.client.online_deployments.begin_create_or_update(deployment).result()
        return [done.instance_count, done.provisioning_state]

    def traffic(self, **percents: int) -> object:
        self.endpoint.traffic = percents
        self.client.begin_create_or_update(self.endpoint).result()
        return self.client.online_endpoints.get(name=ENDPOINT).traffic

    def mirror(self, **percents: int) -> object:
        self.endpoint.mirror_traffic = percents
        self.client.begin_create_or_update(self.endpoint).result()
        return self.client.online_endpoints.get(name=ENDPOINT).mirror_traffic

    def invoke(self, deployment: str | None = None) -> object:
        return self.client.online_endpoints.invoke(
            endpoint_name=ENDPOINT,
            deployment_name=deployment,
            request_file=str(self.folder / "request.json"),
        )

    def scoring_uri(self) -> object:
        return self.client.online_endpoints.get(name=ENDPOINT).scoring_uri

    def keys(self) -> object:
        return self.client.online_endpoints.get_keys(name=ENDPOINT).primary_key

    def token(self) -> object:
        """Of an endpoint whose clients have tokens instead of keys."""
        endpoint = ManagedOnlineEndpoint(name=f"{ENDPOINT}-token", auth_mode="aml_token")
        self.client.online_endpoints.begin_create_or_update(endpoint).result()
        got = self.client.online_endpoints.get_keys(name=endpoint.name)
        return [got.access_token, got.token_type, got.expiry_time_utc - got.refresh_after_time_utc]

    def regenerate_keys(self) -> object:
        self.client.online_endpoints.begin_regenerate_keys(
            name=ENDPOINT, key_type="primary"
        ).result()
        return self.keys()

    def logs(self, name: str) -> object:
        return self.client.online_deployments.get_logs(name=name, endpoint_name=ENDPOINT, lines=100)

    def listed(self) -> object:
        deployments = self.client.online_deployments.list(endpoint_name=ENDPOINT)
        endpoints = self.client.online_endpoints.list()
        return [[one.name for one in endpoints], sorted(one.name for one in deployments)]

    def shown(self, name: str) -> object:
        deployment = self.client.online_deployments.get(name=name, endpoint_name=ENDPOINT)
        return [deployment.model, deployment.environment, deployment.code_configuration.code]

    def dumped(self, noun: str, name: str) -> object:
        """What `az ml ... show` prints but for the resourceGroup: its source is this very dump."""
        if noun == "online-endpoint":
            entity = self.client.online_endpoints.get(name=name)
        elif noun == "online-deployment":
            entity = self.client.online_deployments.get(name=name, endpoint_name=ENDPOINT)
        else:
            entity = self.client.models.get(name, label="latest")
        # An enum's name is az's word for it, in capitals (azure.md 3.4).
        return json.loads(json.dumps(entity._to_dict(), default=str))

    def delete_deployment(self, name: str) -> object:
        self.client.online_deployments.begin_delete(name=name, endpoint_name=ENDPOINT).wait()
        return self.listed()

    def delete_endpoint(self) -> object:
        self.client.online_endpoints.begin_delete(name=ENDPOINT).wait()
        return [one.name for one in self.client.online_endpoints.list()]

    def _deploy(self, name: str, model: Any, environment: Any, code: str) -> object:
        deployment = ManagedOnlineDeployment(
            name=name,
            endpoint_name=ENDPOINT,
            model=model,
            environment=environment,
            code_configuration=CodeConfiguration(code=code, scoring_script="score.py"),
            instance_type="Standard_DS3_v2",
            instance_count=1,
        )
        done = self.client.online_deployments.begin_create_or_update(deployment).result()
        return done.provisioning_state


def main() -> None:
    # The SDK prints to standard output whenever it likes to.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    notebook = Notebook(Path(sys.argv[1]))
    for line in sys.stdin:
        name, arguments = json.loads(line)
        cell: Callable[..., object] = getattr(notebook, name)
        print(json.dumps(cell(**arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()
