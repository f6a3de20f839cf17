"""Endpoints of the file: what is refused, and that nothing follows of what it says no longer."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from msgspec.structs import replace

from router.control_plane import declarations
from router.control_plane.declarations import Declarations
from router.control_plane.declare import Declared
from router.control_plane.records import declared_deployment, declared_endpoint
from router.control_plane.store import Store
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import BadRequest, Conflict, StorageFailed
from router.core.rules import DEPLOYMENTS_MAX

CODE = CodeConfiguration(code=".", scoring_script="score.py")


class Plane:
    """Stands for the control plane: notes what the file changes."""

    def __init__(self) -> None:
        self.operations = self
        self.put: list[str] = []

    async def until_free(self, name: str) -> None:
        """Nothing runs on it."""

    async def put_endpoint(self, spec: EndpointSpec) -> None:
        self.put.append(spec.name)

    def endpoints(self) -> list[Any]:
        return [SimpleNamespace(spec=SimpleNamespace(name=name)) for name in ("one", "other")]

    def deployments_of(self, name: str) -> list[Any]:
        return []


def declared(name: str) -> Declared:
    blue = DeploymentSpec(name="blue", endpoint_name=name, code_configuration=CODE)
    return Declared(at="$", files=(), endpoint=EndpointSpec(name=name), deployments=(blue,))


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_endpoint_that_is_taken_out_while_it_is_brought_up_is_changed_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, plane, gate = Store.open(tmp_path / "turnout.db"), Plane(), asyncio.Event()
    begun = asyncio.Event()

    async def put_deployment(*_: object) -> None:
        begun.set()
        await gate.wait()

    async def create_endpoint(*_: object) -> None:
        """It is there."""

    monkeypatch.setattr(declarations, "put_deployment", put_deployment)
    monkeypatch.setattr(declarations, "create_endpoint", create_endpoint)
    file = Declarations(plane, store, Path("turnout.yml"))  # type: ignore[arg-type]
    file.take([declared("one")])
    await begun.wait()
    with pytest.raises(Conflict):
        file.check_not_declared("one")
    file.take([])
    file.check_not_declared("one")
    gate.set()
    await file.wait_settled()
    await turns()
    assert (plane.put, store.declared()) == ([], [])
    # Declared again, it is the file's again.
    file.take([declared("one")])
    await file.wait_settled()
    assert (plane.put, store.declared()) == (["one"], ["one"])
    store.close()


def test_more_deployments_than_there_may_be_before_others_go_are_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "turnout.db")
    store.save_endpoint(declared_endpoint(EndpointSpec(name="one"), None))
    for number in range(DEPLOYMENTS_MAX):
        spec = DeploymentSpec(name=f"d{number}", endpoint_name="one", code_configuration=CODE)
        store.save_deployment(declared_deployment(spec, None))
    store.save_declaration("one", '{"endpoint": null, "deployments": {}}')
    file = Declarations(Plane(), store, Path("turnout.yml"))  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match=r"at most 20 deployments .* It is declared at `\$`"):
        file.check_changes([declared("one")])
    # A daemon starts all the same, to be told what is to go.
    file.check([declared("one")])
    store.close()


async def test_what_is_as_before_or_under_way_is_not_refused_for_assets_that_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, plane, gate = Store.open(tmp_path / "turnout.db"), Plane(), asyncio.Event()
    monkeypatch.setattr(declarations, "create_endpoint", AsyncMock(side_effect=gate.wait))
    monkeypatch.setattr(declarations, "put_deployment", AsyncMock(side_effect=BadRequest("none")))
    plane.check_assets = Mock(side_effect=BadRequest("none"))  # type: ignore[attr-defined]
    file = Declarations(plane, store, Path("turnout.yml"))  # type: ignore[arg-type]
    before = declared("one")
    (blue,) = before.deployments
    changed = replace(before, deployments=(replace(blue, instance_count=2),))
    file.take([before])
    file.check_changes([changed])
    gate.set()
    await file.wait_settled()
    assert file.states["one"].state == "Failed"
    file.check_changes([before])
    with pytest.raises(BadRequest, match=r"none It is declared at `\$`"):
        file.check_changes([changed])
    store.close()


async def test_endpoints_are_released_together_or_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, plane = Store.open(tmp_path / "turnout.db"), Plane()

    async def nothing(*_: object) -> None:
        """It is there."""

    monkeypatch.setattr(declarations, "put_deployment", nothing)
    monkeypatch.setattr(declarations, "create_endpoint", nothing)
    file = Declarations(plane, store, Path("turnout.yml"))  # type: ignore[arg-type]
    file.take([declared("one"), declared("other")])
    await file.wait_settled()
    forget = store.forget_declaration
    forgotten: list[str] = []

    def full(name: str) -> None:
        if forgotten:
            raise StorageFailed("the disk is full")
        forgotten.append(name)
        forget(name)

    monkeypatch.setattr(store, "forget_declaration", full)
    with pytest.raises(StorageFailed):
        file.take([])
    assert sorted(store.declared()) == ["one", "other"]
    for name in "one", "other":
        with pytest.raises(Conflict):
            file.check_not_declared(name)
    store.close()
