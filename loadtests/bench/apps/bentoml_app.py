"""The run() of busy.py behind BentoML."""

import sys
from pathlib import Path

import bentoml

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import busy


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, traffic={"timeout": 60})
class Busy:
    """One process; the framework parses the JSON."""

    @bentoml.api
    def score(self, data: list[list[float]]) -> list[float]:
        """POST /score."""
        return [busy.score(row) for row in data]
