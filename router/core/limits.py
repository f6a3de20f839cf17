"""What an instance may use at most: from `resources`, or from its `instance_type`.

Quantities are read here; who holds a process to them is control_plane/limits.py.
"""

from collections.abc import Mapping

from msgspec import Struct

from router.core.deployment_spec import DeploymentSpec, ResourceRequirements, Resources
from router.core.errors import BadRequest
from router.core.quantities import MILLICORES_PER_CORE, parse_cpu, parse_memory

InstanceTypes = Mapping[str, ResourceRequirements]


class Limits(Struct, frozen=True):
    """Upper bounds of one instance; None is no bound.

    Attributes:
        cpu_millicores: thousandths of a core.
        memory_bytes: of each of the instance's processes.
    """

    cpu_millicores: int | None = None
    memory_bytes: int | None = None

    @property
    def cores(self) -> int | None:
        """Whole cores, rounded up: a process is bound to some, not to a part of one."""
        return (
            None if self.cpu_millicores is None else -(-self.cpu_millicores // MILLICORES_PER_CORE)
        )


def limits_of(spec: DeploymentSpec, types: InstanceTypes) -> Limits:
    """The deployment's own limits; where it has none, those of its instance type."""
    kind = types.get(spec.instance_type or "")
    own, typical = (one.limits if one is not None else None for one in (spec.resources, kind))
    own, typical = own or Resources(), typical or Resources()
    cpu, memory = own.cpu or typical.cpu, own.memory or typical.memory
    return Limits(
        cpu_millicores=parse_cpu(cpu, "limits.cpu") if cpu else None,
        memory_bytes=parse_memory(memory, "limits.memory") if memory else None,
    )


def check_resources(resources: ResourceRequirements, path: str) -> None:
    """Refuses what is no quantity, and a request above its limit.

    Args:
        path: where they stand, for the message.

    Raises:
        BadRequest: as it says.
    """
    for name, parse in (("cpu", parse_cpu), ("memory", parse_memory)):
        found = {
            kind: parse(text, f"{path}.{kind}.{name}")
            for kind, asked in (("requests", resources.requests), ("limits", resources.limits))
            if asked is not None and (text := getattr(asked, name)) is not None
        }
        if found.get("requests", 0) > found.get("limits", found.get("requests", 0)):
            raise BadRequest(
                f"expected at most the limit, got more, at `{path}.requests.{name}`. Raise "
                f"`{path}.limits.{name}`, or ask for less."
            )


def without_effect(spec: DeploymentSpec, types: InstanceTypes) -> list[str]:
    """What the deployment asks of its machine and does not get, for its user to know."""
    said = []
    if spec.instance_type is not None and spec.instance_type not in types:
        said.append(
            f"instance_type {spec.instance_type!r} is none of turnout.yml's `instance_types` and "
            f"does nothing"
        )
    kind = types.get(spec.instance_type or "")
    asked = [one for one in (spec.resources, kind) if one is not None]
    if any(one.requests is not None for one in asked):
        said.append("resources.requests do nothing: there is one machine to run on; limits hold")
    if any(one.limits is not None and one.limits.gpu is not None for one in asked):
        said.append(
            "limits of nvidia.com/gpu do nothing: every instance sees all GPUs; the environment "
            "variable CUDA_VISIBLE_DEVICES chooses some"
        )
    limits = limits_of(spec, types)
    if limits.cpu_millicores and limits.cpu_millicores % MILLICORES_PER_CORE:
        said.append(f"limits.cpu is rounded up to whole cores: {limits.cores}")
    return said
