"""The pytest plugin: fixtures that give a running daemon or endpoint, and their log on failure.

Loaded in every test run where Turnout is installed, so it imports nothing until a test asks.
Its entry point has the module's own name: `-p router.testing.plugin`, `pytest_plugins` and the
entry point are then one plugin to pytest, and never registered twice.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from router.testing.endpoint import Deployable, Endpoint
    from router.testing.turnout import Turnout

STARTED = pytest.StashKey["list[Turnout]"]()


class TurnoutFactory:
    """Starts daemons; all end with the test session."""

    def __init__(self, stack: ExitStack, started: "list[Turnout]") -> None:
        self._stack = stack
        self._started = started

    def start(self, settings: Mapping[str, Any] | None = None) -> "Turnout":
        """A new daemon.

        Args:
            settings: as in turnout.yml, e.g. ``{"quotas": {"requests_per_s": 50}}``.

        Raises:
            HarnessError: it does not get ready; the message says why.
        """
        from router.testing.turnout import Turnout  # noqa: PLC0415 - see this file's docstring

        __tracebackhide__ = True
        turnout = Turnout(settings)
        turnout.start()
        self._stack.callback(turnout.close)
        self._started.append(turnout)
        return turnout


class RunningEndpoint:
    """Gives endpoints of one daemon that serve when they are given."""

    def __init__(self, turnout: "Turnout") -> None:
        self._turnout = turnout

    def __call__(self, *deployments: "Deployable", name: str = "my-endpoint") -> "Endpoint":
        """A new endpoint.

        Args:
            deployments: what is behind it; the first one gets all live traffic.
            name: its name.

        Raises:
            HarnessError: a deployment is refused or does not start; the message says why.
        """
        __tracebackhide__ = True
        endpoint = self._turnout.endpoint(name)
        for number, deployment in enumerate(deployments):
            endpoint.deploy(deployment, all_traffic=number == 0)
        return endpoint


@pytest.fixture
def turnout(request: pytest.FixtureRequest) -> "Iterator[Turnout]":
    """A running daemon of the test's own, on free ports, with nothing deployed."""
    with ExitStack() as stack:
        started: list[Turnout] = request.node.stash.setdefault(STARTED, [])
        yield TurnoutFactory(stack, started).start()


@pytest.fixture
def running_endpoint(turnout: "Turnout") -> "RunningEndpoint":
    """``running_endpoint(Script("blue", "score.py"))`` gives an endpoint that serves."""
    return RunningEndpoint(turnout)


@pytest.fixture(scope="session")
def turnout_factory(request: pytest.FixtureRequest) -> Iterator[TurnoutFactory]:
    """``turnout_factory.start(settings)`` gives a daemon that runs until the session ends."""
    with ExitStack() as stack:
        started = request.session.stash.setdefault(STARTED, [])
        yield TurnoutFactory(stack, started)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to a failed test what its daemon has logged: in CI nobody can look there."""
    report = yield
    if report.failed and report.when == "call":
        for turnout in (*item.stash.get(STARTED, ()), *_used_of_session(item)):
            report.sections.append((f"Turnout's log ({turnout.url})", turnout.log))
    return report


def _used_of_session(item: pytest.Item) -> "list[Turnout]":
    if "turnout_factory" not in getattr(item, "fixturenames", ()):
        return []
    return item.session.stash.get(STARTED, [])
