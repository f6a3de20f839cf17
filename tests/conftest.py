"""Settings that every test shares."""

import asyncio
import os
from collections.abc import Callable

import uvloop
from hypothesis import HealthCheck, Phase, settings

# The entry point's plugin under its own name, hence not registered twice.
pytest_plugins = ["pytester", "router.testing.plugin"]

# Machines are shared and noisy: no deadline per example, and no random seeds that make
# one run differ from the next; `make properties` looks further.
settings.register_profile(
    "quick",
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# That there is a failure is all that `make mutants` asks.
settings.register_profile(
    "mutants", settings.get_profile("quick"), phases=[Phase.explicit, Phase.generate]
)
settings.register_profile("deep", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that the daemon runs on."""
    return {"uvloop": uvloop.new_event_loop}
