"""What the control plane is to have kept: everything that was acknowledged, in dicts.

No code of the router is used here. How a version of a deployment behaves is the first word of
its name: ``well`` comes up, ``fails`` doesn't, of ``half`` only one instance does, ``slow`` comes
up or fails when it is told to.
"""

from dataclasses import dataclass, field

Percents = dict[str, int]


@dataclass
class Deployment:
    """As declared, and what of it serves: a version and how many instances of it."""

    version: str
    count: int
    state: str
    serving: tuple[str, int] | None = None


@dataclass
class Endpoint:
    """As declared; ``held`` names the deployment whose slow script keeps an operation running."""

    tag: str
    kubernetes: bool
    traffic: Percents
    mirror: Percents
    keys: dict[str, str] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    held: str | None = None


@dataclass
class Model:
    """Everything that was acknowledged; ``told`` says how slow versions were told to end."""

    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    told: dict[str, bool] = field(default_factory=dict)

    @property
    def held(self) -> set[str]:
        return {name for name, endpoint in self.endpoints.items() if endpoint.held}

    def shown(self) -> dict[str, object]:
        """What the API is to say, but for the keys."""
        return {
            name: {
                "tag": endpoint.tag,
                "kubernetes": endpoint.kubernetes,
                "state": "Succeeded",
                "traffic": endpoint.traffic,
                "mirror": endpoint.mirror,
                "deployments": {
                    one: (found.version, found.count, found.state)
                    for one, found in endpoint.deployments.items()
                },
            }
            for name, endpoint in self.endpoints.items()
        }

    def routed(self) -> dict[str, object]:
        """What every worker is to go by, with the versions of the instances that serve.

        Whether workers know of a deployment that never came up is left open, without traffic
        to it: it makes a direct call fail one way or the other.
        """
        return {
            name: {
                "keys": sorted(endpoint.keys.values()),
                "traffic": endpoint.traffic,
                "mirror": endpoint.mirror,
                "instances": {
                    one: [found.serving[0]] * found.serving[1]
                    for one, found in endpoint.deployments.items()
                    if found.serving
                },
            }
            for name, endpoint in self.endpoints.items()
        }

    def tell(self, version: str, *, comes_up: bool) -> None:
        """A slow version comes up, or fails."""
        self.told[version] = comes_up
        for endpoint in self.endpoints.values():
            if endpoint.held and endpoint.deployments[endpoint.held].version == version:
                deployment, endpoint.held = endpoint.deployments[endpoint.held], None
                self.end(deployment)

    def comes_up(self, version: str, count: int) -> bool | None:
        """None if that is not known yet."""
        kind = version.split("-", maxsplit=1)[0]
        return self.told.get(version) if kind == "slow" else kind == "well" or (
            kind == "half" and count == 1
        )  # fmt: skip

    def end(self, deployment: Deployment) -> None:
        """An update came up, or failed: then what served goes on."""
        if self.comes_up(deployment.version, deployment.count):
            deployment.state = "Succeeded"
            deployment.serving = deployment.version, deployment.count
        else:
            deployment.state = "Failed"
