"""The run() of busy.py behind MLServer."""

import sys
from pathlib import Path

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import busy


class Busy(MLModel):
    """One process; the framework parses the JSON."""

    async def load(self) -> bool:
        """Nothing to load."""
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One row in, one number out."""
        found = busy.score(list(payload.inputs[0].data))
        output = ResponseOutput(name="score", shape=[1], datatype="FP64", data=[found])
        return InferenceResponse(model_name=self.name, outputs=[output])
