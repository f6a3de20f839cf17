"""A harness for rollouts: a real daemon, real instances and real load in somebody's own tests.

plugin.py has pytest's fixtures. A user meets Turnout (a daemon), Endpoint, what may be deployed
(Script, Scripted, a YAML file) and what a rollout came to (Rollout, Step, Answers, Reply). It is a
client of what everybody can use: the `turnout` command, the REST API and HTTP.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.testing.answers import Answers, Reply
    from router.testing.deployments import Script, Scripted
    from router.testing.endpoint import Endpoint
    from router.testing.failure import HarnessError
    from router.testing.load import Load
    from router.testing.plugin import RunningEndpoint, TurnoutFactory
    from router.testing.rollout import Rollout, Step
    from router.testing.turnout import Turnout

__all__ = [
    "Answers",
    "Endpoint",
    "HarnessError",
    "Load",
    "Reply",
    "Rollout",
    "RunningEndpoint",
    "Script",
    "Scripted",
    "Step",
    "Turnout",
    "TurnoutFactory",
]
_MODULES = {
    "Answers": "answers",
    "Endpoint": "endpoint",
    "HarnessError": "failure",
    "Load": "load",
    "Reply": "answers",
    "Rollout": "rollout",
    "RunningEndpoint": "plugin",
    "Script": "deployments",
    "Scripted": "deployments",
    "Step": "rollout",
    "Turnout": "turnout",
    "TurnoutFactory": "plugin",
}


def __getattr__(name: str) -> object:
    # Imported by need: a test run that does not use them must not pay for an HTTP client.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
