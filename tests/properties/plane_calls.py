"""The calls of the control plane's API, and its rules written a second time.

A call knows its shape in the API, why it would be refused, and what it comes to.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from tests.properties.plane_model import Deployment, Endpoint, Model, Percents

NAME = re.compile(r"[a-zA-Z]([a-zA-Z0-9-]{1,30}[a-zA-Z0-9])")
BAD, MISSING, BUSY = 400, 404, 409
KEY_LENGTH_MIN = 16

Request = tuple[str, str, dict[str, object] | None]


class Call(Protocol):
    """A call of the API."""

    def request(self, code: str) -> Request:
        """Method, path below onlineEndpoints/ and body; ``code`` is the script's folder."""

    def refusals(self, model: Model) -> set[int]:
        """The statuses of all reasons to refuse it; empty if it is to be carried out."""

    def carry_out(self, model: Model) -> None:
        """What it comes to, in the end."""

    def outcome(self, model: Model) -> str:
        """How the operation ends that it begins, if it does; ``model`` is that after it."""


def _busy(model: Model, endpoint: str) -> set[int]:
    return {BUSY} if endpoint in model.held else set()


class _Sure:
    def outcome(self, model: Model) -> str:
        return "Succeeded"


@dataclass(frozen=True)
class PutEndpoint(_Sure):
    """Creates or replaces an endpoint."""

    name: str
    tag: str
    kubernetes: bool
    traffic: Percents
    mirror: Percents

    def request(self, code: str) -> Request:
        properties: dict[str, object] = {"traffic": self.traffic, "mirrorTraffic": self.mirror}
        if self.kubernetes:
            properties["compute"] = "azureml:cluster"
        return "PUT", self.name, {"tags": {"tag": self.tag}, "properties": properties}

    def refusals(self, model: Model) -> set[int]:
        old = model.endpoints.get(self.name)
        deployments = old.deployments if old else {}
        live = {name for name, percent in self.traffic.items() if percent}
        mirrored = {name for name, percent in self.mirror.items() if percent}
        broken = (
            NAME.fullmatch(self.name) is None
            or not {*self.traffic, *self.mirror} <= set(deployments)
            or any(percent < 0 for percent in (*self.traffic.values(), *self.mirror.values()))
            or any(percent > 50 for percent in self.mirror.values())
            or sum(self.traffic.values()) not in {0, 100}
            or len(mirrored) > 1
            or bool(mirrored & live)
            or (self.kubernetes and bool(mirrored))
            or (old is not None and old.kubernetes != self.kubernetes)
        )
        return _busy(model, self.name) | ({BAD} if broken else set())

    def carry_out(self, model: Model) -> None:
        old = model.endpoints.get(self.name)
        model.endpoints[self.name] = Endpoint(
            tag=self.tag,
            kubernetes=self.kubernetes,
            traffic={name: percent for name, percent in self.traffic.items() if percent},
            mirror={name: percent for name, percent in self.mirror.items() if percent},
            keys=old.keys if old else {},
            deployments=old.deployments if old else {},
        )


@dataclass(frozen=True)
class PutDeployment:
    """Creates, updates or scales a deployment."""

    endpoint: str
    name: str
    version: str
    count: int
    kubernetes: bool
    script: str

    def request(self, code: str) -> Request:
        properties = {
            "endpointComputeType": "Kubernetes" if self.kubernetes else "Managed",
            "codeConfiguration": {"codeId": code, "scoringScript": self.script},
            "environmentVariables": {"VERSION": self.version},
        }
        body = {"sku": {"capacity": self.count}, "properties": properties}
        return "PUT", f"{self.endpoint}/deployments/{self.name}", body

    def refusals(self, model: Model) -> set[int]:
        endpoint = model.endpoints.get(self.endpoint)
        broken = (
            NAME.fullmatch(self.name) is None
            or self.count < 1
            or self.script != "score.py"
            or (endpoint is not None and endpoint.kubernetes != self.kubernetes)
        )
        missing = {MISSING} if endpoint is None else set()
        return missing | _busy(model, self.endpoint) | ({BAD} if broken else set())

    def carry_out(self, model: Model) -> None:
        endpoint = model.endpoints[self.endpoint]
        old = endpoint.deployments.get(self.name)
        found = Deployment(
            self.version,
            self.count,
            "Updating" if old else "Creating",
            old.serving if old else None,
        )
        endpoint.deployments[self.name] = found
        if model.comes_up(self.version, self.count) is None:
            endpoint.held = self.name
        else:
            model.end(found)

    def outcome(self, model: Model) -> str:
        return model.endpoints[self.endpoint].deployments[self.name].state


@dataclass(frozen=True)
class DeleteEndpoint(_Sure):
    """With its deployments, traffic or not."""

    name: str

    def request(self, code: str) -> Request:
        return "DELETE", self.name, None

    def refusals(self, model: Model) -> set[int]:
        return _busy(model, self.name)

    def carry_out(self, model: Model) -> None:
        model.endpoints.pop(self.name, None)


@dataclass(frozen=True)
class DeleteDeployment(_Sure):
    """One without live or mirrored traffic."""

    endpoint: str
    name: str

    def request(self, code: str) -> Request:
        return "DELETE", f"{self.endpoint}/deployments/{self.name}", None

    def refusals(self, model: Model) -> set[int]:
        endpoint = model.endpoints.get(self.endpoint)
        if endpoint is None or self.name not in endpoint.deployments:
            return set()
        reached = self.name in endpoint.traffic or self.name in endpoint.mirror
        return _busy(model, self.endpoint) | ({BAD} if reached else set())

    def carry_out(self, model: Model) -> None:
        if endpoint := model.endpoints.get(self.endpoint):
            endpoint.deployments.pop(self.name, None)


@dataclass(frozen=True)
class RegenerateKey(_Sure):
    """Replaces one of the two keys."""

    endpoint: str
    which: str
    value: str

    def request(self, code: str) -> Request:
        body: dict[str, object] = {"keyType": self.which, "keyValue": self.value}
        return "POST", f"{self.endpoint}/regenerateKeys", body

    def refusals(self, model: Model) -> set[int]:
        missing = set() if self.endpoint in model.endpoints else {MISSING}
        short = {BAD} if len(self.value) < KEY_LENGTH_MIN else set()
        return missing | short | _busy(model, self.endpoint)

    def carry_out(self, model: Model) -> None:
        model.endpoints[self.endpoint].keys[self.which] = self.value
