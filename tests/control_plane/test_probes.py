"""Probing an instance: what is made of an error that is not the instance's."""

import asyncio
from pathlib import Path

import pytest

from router.control_plane.probes import probe
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec, Probe
from router.core.probing import readiness
from tests.control_plane.daemon import LIMIT_S

AT_ONCE = Probe(initial_delay=0, period=0, timeout=1, failure_threshold=1)
# Finds nothing by itself.
LATER = Probe(initial_delay=3600, period=0, timeout=1, failure_threshold=2)


async def test_an_error_of_the_probing_is_logged_and_counts_as_a_failed_liveness_probe(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = DeploymentSpec(
        name="blue",
        endpoint_name="my-endpoint",
        code_configuration=CodeConfiguration(code="code", scoring_script="score.py"),
        readiness_probe=AT_ONCE,
        liveness_probe=LATER,
    )
    ready = readiness(AT_ONCE, ready=True)

    def breaks(wrong: str) -> None:
        ready.healthy = True
        raise RuntimeError("nobody could be told")

    probing = probe(f"unix:{tmp_path}/nobody.sock", spec, ready, breaks)
    why = await asyncio.wait_for(probing, LIMIT_S)
    assert why == "RuntimeError: nobody could be told"
    assert caplog.text.count("could not be probed") == 2
