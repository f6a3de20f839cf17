"""The supervisor: starts instances as processes, waits until they are warm, stops them.

How many of which are wanted is groups.py's. An instance outlives this process; a new
control plane finds it by its record.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

from msgspec import Struct

from router.control_plane import limits
from router.control_plane.environments.cache import Environments
from router.control_plane.files import remove
from router.control_plane.health import NotWarm, wait_warm
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.processes import Process, find, kill_strays, module_command, spawn
from router.control_plane.tuning import FOR_SPEED
from router.core.deployment_spec import DeploymentSpec, Environment, Model
from router.core.errors import DeploymentFailed
from router.core.limits import limits_of
from router.core.routing import InstanceRoute

RUNTIME_MODULE = "runtime"
# Generous: init() may load gigabytes.
READY_TIMEOUT_S = 900.0
# What one has at least that a control plane found in its start.
ADOPT_TIMEOUT_S = 10.0
# In the record of an instance: that it came so far, and what its readiness probe said last.
_WARM, _READY = "warm", "ready"
# Of a revision at once: they compete for the processor while they import and load. Not of all
# deployments: where the init() of one hangs, the others' instances must still be restarted; nor of
# a deployment: the update that mends the init() must not wait for it.
STARTS_MAX = 4
# Room for a traceback and for what the script printed before it.
LOG_TAIL_LINES, LOG_TAIL_BYTES = 50, 64 * 1024

log = logging.getLogger(__name__)


class InstanceOwner(Struct, frozen=True):
    """Whose instance it is; the revision says which code, model and environment it has."""

    endpoint: str
    deployment: str
    revision: int

    def __str__(self) -> str:
        return f"deployment {self.deployment!r} of endpoint {self.endpoint!r}"


class Instance:
    """One scoring-runtime process.

    Attributes:
        was_warm: it has been, as is on record, and may have requests; of one that hasn't, no
            worker was told.
        was_ready: what its readiness probe had come to when this control plane found it.
    """

    def __init__(self, number: int, owner: InstanceOwner, socket: Path, process: Process) -> None:
        self.owner = owner
        self.number = number
        self.socket = socket
        self.process = process
        self.was_warm = bool(process.details.get(_WARM))
        self.was_ready = bool(process.details.get(_READY, True))
        self.route = InstanceRoute(id=f"i{number}", target=f"unix:{socket}")


class Adopted(NamedTuple):
    """What a former control plane left running.

    Attributes:
        served: those that have been warm, and may have requests. One that is too busy to say so
            is no worse for the restart: as ever, its probes say what becomes of it.
        starting: the others; no worker was told of them.
    """

    served: list[Instance]
    starting: list[Instance]


class Supervisor:
    """Starts, adopts and stops instances.

    Args:
        next_number: gives each instance a number that none had before.
        environments: where the Python is that a deployment's conda file asks for.
        settings: which limits the names in `instance_type` stand for, now.
    """

    def __init__(
        self,
        folder: StateFolder,
        next_number: Callable[[], int],
        environments: Environments,
        settings: LiveSettings,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._environments = environments
        self._next_number = next_number
        self._starts: WeakValueDictionary[InstanceOwner, asyncio.Semaphore] = WeakValueDictionary()
        self._instances: set[Instance] = set()

    @property
    def instances(self) -> list[Instance]:
        """All that were started or adopted here and not stopped, whoever has them."""
        return list(self._instances)

    async def start(self, owner: InstanceOwner, spec: DeploymentSpec) -> Instance:
        """Starts an instance and returns it warm.

        Raises:
            DeploymentFailed: it ended instead, with the last lines of its log, or took too
                long. Nothing of it runs on.
        """
        async with self._starts.setdefault(owner, asyncio.Semaphore(STARTS_MAX)):
            # Built already; again only if somebody removed it.
            python = await self._environments.python_for(conda_of(spec), log.info, log.debug)
            instance = self._spawn(owner, spec, python)
            async with self._or_ended(instance):
                self._limit(instance, spec)
                await self._until_warm(instance, spec, READY_TIMEOUT_S)
        return instance

    async def resume(self, instance: Instance, spec: DeploymentSpec) -> Instance:
        """Returns one that was found in its start when it is warm.

        Raises:
            DeploymentFailed: as ``start``; the time since its start counts.
        """
        left_s = max(READY_TIMEOUT_S - instance.process.age_s, ADOPT_TIMEOUT_S)
        async with self._or_ended(instance):
            await self._until_warm(instance, spec, left_s)
        return instance

    def limited(self, spec: DeploymentSpec) -> str:
        """Its limits in words, to be put behind an instance's name; nothing without any."""
        return limits.describe(limits_of(spec, self._settings.instance_types))

    def adopt(self) -> Adopted:
        """The instances that a former control plane started and that still run."""
        found = [instance for path in self._folder.instance_records() if (instance := _load(path))]
        self._instances.update(found)
        pids = {instance.process.pid for instance in found}
        kill_strays(RUNTIME_MODULE, self._folder.run, pids)
        return Adopted(
            served=[instance for instance in found if instance.was_warm],
            starting=[instance for instance in found if not instance.was_warm],
        )

    async def stop(self, instances: Iterable[Instance], timeout_ms: int) -> None:
        """Ends them: SIGTERM, and SIGKILL after ``timeout_ms``. Returns when they are gone."""
        stopping = list(instances)
        await asyncio.gather(*(_stop(instance, timeout_ms) for instance in stopping))
        self._instances.difference_update(stopping)

    async def last_words(self, instance: Instance) -> str:
        """The end of its log, as a sentence's continuation; with the traceback, if it has one."""
        tail = await asyncio.to_thread(_tail, self._log_of(instance.owner, instance.number))
        return f"Its log ends with:\n{tail}"

    def _log_of(self, owner: InstanceOwner, number: int) -> Path:
        return self._folder.deployment_logs(owner.endpoint, owner.deployment) / f"i{number}.log"

    def _spawn(self, owner: InstanceOwner, spec: DeploymentSpec, python: Path) -> Instance:
        number = self._next_number()
        socket = self._folder.instance_socket(number)
        try:
            process = spawn(
                _command(spec, socket, python),
                _environment(spec),
                log=self._log_of(owner, number),
                record=self._folder.instance_record(number),
                details={
                    "number": number,
                    "endpoint": owner.endpoint,
                    "deployment": owner.deployment,
                    "revision": owner.revision,
                    "socket": str(socket),
                },
            )
        except OSError as error:
            raise DeploymentFailed(f"can't start an instance of {owner}: {error}") from error
        instance = Instance(number, owner, socket, process)
        self._instances.add(instance)
        return instance

    @asynccontextmanager
    async def _or_ended(self, instance: Instance) -> AsyncIterator[None]:
        """On an error in the block, nothing of the instance runs on."""
        try:
            yield
        except BaseException:
            # At once: whoever breaks this off may break off its end as well.
            instance.process.kill()
            await self.stop([instance], timeout_ms=0)
            raise

    def _limit(self, instance: Instance, spec: DeploymentSpec) -> None:
        bounds = limits_of(spec, self._settings.instance_types)
        try:
            limits.apply(bounds, instance.process.pid, instance.number)
        except (OSError, ValueError, OverflowError) as error:
            raise DeploymentFailed(
                f"expected to hold instance {instance.route.id} of {instance.owner} to its limits"
                f"{limits.describe(bounds)}, got: {error}. Change `resources.limits` of the "
                f"deployment, or `instance_types` in turnout.yml."
            ) from error

    async def _until_warm(self, instance: Instance, spec: DeploymentSpec, timeout_s: float) -> None:
        """Raises DeploymentFailed if it is not in time."""
        try:
            await wait_warm(instance.route.target, instance.process, timeout_s)
        except NotWarm as error:
            raise DeploymentFailed(
                f"instance {instance.route.id} of {instance.owner}{self.limited(spec)} {error}. "
                f"{await self.last_words(instance)}"
            ) from None
        instance.was_warm = True
        _note(instance, _WARM, is_so=True)
        log.info("instance %s of %s is warm", instance.route.id, instance.owner)


def note_ready(instance: Instance, *, ready: bool) -> None:
    """The next control plane goes by what its readiness probe has come to."""
    _note(instance, _READY, is_so=ready)


def _note(instance: Instance, what: str, *, is_so: bool) -> None:
    try:
        instance.process.note(**{what: is_so})
    except OSError as error:
        # The next control plane finds out by itself, later.
        log.warning("%s=%s of %s is not on record: %s", what, is_so, instance.route.id, error)


async def _stop(instance: Instance, timeout_ms: int) -> None:
    await instance.process.terminate(timeout_ms)
    remove(instance.socket)


def _load(path: Path) -> Instance | None:
    process = find(path)
    if process is None:
        remove(path.with_suffix(".sock"))
        return None
    details = process.details
    owner = InstanceOwner(
        str(details["endpoint"]), str(details["deployment"]), int(details["revision"])
    )
    return Instance(int(details["number"]), owner, Path(str(details["socket"])), process)


def _command(spec: DeploymentSpec, socket: Path, python: Path) -> list[str]:
    code = spec.code_configuration
    command = [
        *module_command(RUNTIME_MODULE, python),
        *("--target", f"unix:{socket}"),
        *("--code", code.code),
        *("--scoring-script", code.scoring_script),
    ]
    if isinstance(spec.model, Model):
        command += ["--model", spec.model.path]
    return command


def conda_of(spec: DeploymentSpec) -> dict[str, object] | None:
    """What the deployment's conda file says; None without one."""
    environment = spec.environment
    conda = environment.conda_file if isinstance(environment, Environment) else None
    # Text is a path in YAML, and has been read long before.
    return conda if isinstance(conda, dict) else None


def _environment(spec: DeploymentSpec) -> dict[str, str]:
    return {
        **os.environ,
        **FOR_SPEED,
        "PYTHONUNBUFFERED": "1",
        **spec.environment_variables,
    }


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - LOG_TAIL_BYTES, 0))
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:]).rstrip() or "(nothing)"
    except FileNotFoundError:
        return "(nothing)"
    except OSError as error:
        # Whatever is told with it is worth telling all the same.
        return f"(can't be read: {error})"
