"""Which endpoints are the daemon's file's, and that they become what it says.

A declared endpoint is the file's alone: clients' changes are refused. Each is brought up
by a task of its own, so that a slow one holds up no other, and only what changed since it
was carried out last is carried out again: files of code may have been edited meanwhile.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Container, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from router.control_plane.declare import Declared, create_endpoint, put_deployment
from router.control_plane.service import ControlPlane
from router.control_plane.store import Store
from router.core.errors import BadRequest, Conflict, TurnoutError
from router.core.rules import check_deployment_count, check_endpoint

log = logging.getLogger(__name__)


class Fingerprints(Struct, frozen=True):
    """What of a declaration was carried out last: deployments by their names.

    Attributes:
        endpoint: None while not all is.
    """

    endpoint: str | None
    deployments: dict[str, str]


class DeclaredState(Struct, frozen=True):
    """How far a declaration is.

    Attributes:
        at: where in the file it stands.
        error: why it failed. What served before serves on; it is tried again when a file
            changes, on SIGHUP, and at the daemon's next start.
    """

    at: str
    state: Literal["Updating", "Succeeded", "Failed"]
    error: str | None = None


class Declarations:
    """The declared endpoints of a daemon.

    Args:
        path: the file that declares them, for messages.
    """

    def __init__(self, plane: ControlPlane, store: Store, path: Path | None) -> None:
        self._plane = plane
        self._store = store
        self._path = path
        self._wanted: dict[str, Declared] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.states: dict[str, DeclaredState] = {}

    def check(self, declared: Sequence[Declared]) -> None:
        """Refuses what can't become of the endpoints that there are; changes nothing.

        Raises:
            BadRequest: an endpoint would change its kind, or the file would take one over
                with fewer deployments than it has.
        """
        for one in declared:
            old = self._store.endpoint(one.endpoint.name)
            if old is None:
                continue
            with self._placed(one):
                check_endpoint(one.endpoint, old.spec)
            if self._carried_out(one.endpoint.name) is None:
                self._check_takes_over(one)

    def check_changes(self, declared: Sequence[Declared]) -> None:
        """Refuses what would be carried out by halves now; changes nothing.

        Nothing is said of an endpoint that is being brought up, or as it was declared before.

        Raises:
            BadRequest: a deployment names an asset that is not registered, or an endpoint would
                have too many deployments before those that go are gone.
        """
        for one in declared:
            name, wanted = one.endpoint.name, _fingerprints(one)
            before = self._wanted.get(name)
            if name in self._tasks or (before is not None and _fingerprints(before) == wanted):
                continue
            done = (self._carried_out(name) or Fingerprints(None, {})).deployments
            with self._placed(one):
                # What is not declared any more goes last.
                check_deployment_count(len(self._names_of(name) | wanted.deployments.keys()))
                for deployment in one.deployments:
                    if done.get(deployment.name) != wanted.deployments[deployment.name]:
                        self._plane.check_assets(deployment)

    @contextlib.contextmanager
    def _placed(self, declared: Declared) -> Iterator[None]:
        """Says of what is refused where it is declared."""
        try:
            yield
        except BadRequest as error:
            message = f"{self._path}: {error.message} It is declared at `{declared.at}`."
            raise BadRequest(message) from None

    def take(self, declared: Sequence[Declared]) -> None:
        """These endpoints and no others are the file's from now on; begins to bring them up.

        Raises:
            TurnoutError: one that is declared no longer can't be released. Those that are
                declared are as before; to be tried again.
        """
        wanted = {one.endpoint.name: one for one in declared}
        released = {*self._store.declared(), *self.states} - wanted.keys()
        with self._store.transaction():
            for name in released:
                self._store.forget_declaration(name)
        for name in released:
            self._release(name)
        self._wanted = wanted
        for name, one in wanted.items():
            self.states[name] = DeclaredState(one.at, "Updating")
            if name not in self._tasks:
                work = self._follow(name)
                self._tasks[name] = asyncio.create_task(work, name=f"declared endpoint {name}")
                # Again: one that is broken off before its first step does not come so far.
                self._tasks[name].add_done_callback(partial(self._forget, name))

    async def wait_settled(self) -> None:
        """Returns when each declared endpoint is as declared, or has failed to become it."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def close(self) -> None:
        """Brings up nothing any more. What runs goes on."""
        tasks = [*self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def check_not_declared(self, endpoint_name: str) -> None:
        """Refuses a client's change of an endpoint that is the file's.

        Raises:
            Conflict: it is.
        """
        declared = self._wanted.get(endpoint_name)
        if declared is None:
            return
        files = ", ".join(str(file) for file in declared.files)
        raise Conflict(
            f"expected a change of endpoint {endpoint_name!r} in {self._path}, which declares it "
            f"at `{declared.at}`, got one from a client. Edit that file or those that it names "
            f"({files}): changes are taken while the daemon runs. Or take the endpoint out of "
            f"the file: it serves on, and commands can change it."
        )

    def _check_takes_over(self, declared: Declared) -> None:
        name = declared.endpoint.name
        named = {deployment.name for deployment in declared.deployments}
        if missing := sorted(self._names_of(name) - named):
            raise BadRequest(
                f"{self._path}: expected all deployments of endpoint {name!r}, got none of "
                f"{', '.join(missing)}, at `{declared.at}.deployments`: what the file does not "
                f"declare of an endpoint would be deleted. Add them, or delete them with `turnout "
                f"ml online-deployment delete` first."
            )

    def _names_of(self, endpoint_name: str) -> set[str]:
        """Those of the deployments that are there."""
        return {deployment.spec.name for deployment in self._store.deployments(endpoint_name)}

    def _release(self, name: str) -> None:
        self.states.pop(name, None)
        # What is under way goes on by itself, as a command's operation would; nothing follows it.
        if (task := self._tasks.pop(name, None)) is not None:
            task.cancel()
        if self._store.endpoint(name) is not None:
            log.warning(
                "endpoint %r is declared no longer: it serves on, and commands can change it", name
            )

    async def _follow(self, name: str) -> None:
        """Until the newest declaration of the endpoint is carried out, or has failed."""
        done: Declared | None = None
        try:
            while (wanted := self._wanted.get(name)) is not None and wanted is not done:
                state = await self._try(wanted)
                if self._wanted.get(name) is wanted:
                    self.states[name] = state
                done = wanted
        finally:
            self._forget(name, asyncio.current_task())

    def _forget(self, name: str, task: asyncio.Task[None] | None) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]

    async def _try(self, declared: Declared) -> DeclaredState:
        name = declared.endpoint.name
        try:
            await self._carry_out(declared)
        except TurnoutError as error:
            log.error("endpoint %r is not as declared: %s", name, error.message)  # noqa: TRY400
            return DeclaredState(declared.at, "Failed", error.message)
        except Exception as error:
            log.exception("endpoint %r is not as declared", name)
            return DeclaredState(declared.at, "Failed", f"{type(error).__name__}: {error}")
        return DeclaredState(declared.at, "Succeeded")

    async def _carry_out(self, declared: Declared) -> None:
        """Deployments first, then traffic, then what is not declared any more goes."""
        plane, name = self._plane, declared.endpoint.name
        wanted = _fingerprints(declared)
        carried = self._carried_out(name) or Fingerprints(None, {})
        if carried == wanted:
            return
        await plane.operations.until_free(name)
        await create_endpoint(plane, declared.endpoint)
        done = dict(carried.deployments)
        for deployment in declared.deployments:
            if done.get(deployment.name) != wanted.deployments[deployment.name]:
                # Forgotten first: whether it fails or we do, it is put again, by whatever file.
                done.pop(deployment.name, None)
                self._save(name, Fingerprints(None, done))
                await plane.operations.until_free(name)
                await put_deployment(plane, deployment)
                done[deployment.name] = wanted.deployments[deployment.name]
        self._save(name, Fingerprints(None, done))
        await plane.operations.until_free(name)
        await plane.put_endpoint(declared.endpoint)
        await self._delete_others(name, wanted.deployments)
        self._save(name, wanted)
        log.info("endpoint %r is as %s declares it at `%s`", name, self._path, declared.at)

    async def _delete_others(self, name: str, declared: Container[str]) -> None:
        for deployment in self._plane.deployments_of(name):
            if deployment.spec.name not in declared:
                await self._plane.operations.until_free(name)
                operation = self._plane.delete_deployment(name, deployment.spec.name)
                if operation is not None:
                    await operation.result()

    def _carried_out(self, name: str) -> Fingerprints | None:
        text = self._store.declaration(name)
        try:
            return None if text is None else msgspec.json.decode(text, type=Fingerprints)
        except msgspec.DecodeError:
            # Of a version in which commands could change declared endpoints, too.
            return None

    def _save(self, name: str, fingerprints: Fingerprints) -> None:
        self._store.save_declaration(name, msgspec.json.encode(fingerprints).decode())


def _fingerprints(declared: Declared) -> Fingerprints:
    return Fingerprints(
        endpoint=_fingerprint(declared.endpoint),
        deployments={one.name: _fingerprint(one) for one in declared.deployments},
    )


def _fingerprint(value: Struct) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()
