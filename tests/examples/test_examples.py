"""The example is what a newcomer copies: it must be true and self-contained."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import msgspec
import pytest
import yaml
from sklearn.datasets import load_diabetes

from router.core.config import DaemonConfig
from router.core.deployment_spec import DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.parse import parse
from tests.runtime.instance import Instance, stream

EXAMPLES = Path(__file__).parents[2] / "examples"


def read(name: str) -> object:
    return yaml.safe_load((EXAMPLES / name).read_text())


def test_the_yaml_files_are_valid_and_their_paths_exist() -> None:
    parse(EndpointSpec, read("endpoint.yml"), "endpoint.yml")
    for name in ("blue", "green"):
        spec = parse(DeploymentSpec, read(f"{name}-deployment.yml"), name)
        assert isinstance(spec.model, msgspec.Struct)
        code = spec.code_configuration
        assert (EXAMPLES / spec.model.path / "regressor.pkl").is_file()
        assert (EXAMPLES / code.code / code.scoring_script).is_file()


def test_turnout_yml_shows_the_defaults_and_nothing_else() -> None:
    assert parse(DaemonConfig, read("turnout.yml"), "turnout.yml") == DaemonConfig()


def test_training_again_gives_the_committed_models(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "train.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / "train.py"], check=True, capture_output=True)
    rows = load_diabetes().data[:50]
    for model in ("model-1", "model-2"):
        path = Path(model) / "model" / "regressor.pkl"
        committed, fresh = joblib.load(EXAMPLES / path), joblib.load(tmp_path / path)
        assert committed.predict(rows) == pytest.approx(fresh.predict(rows))


def test_the_two_models_answer_the_sample_request_differently() -> None:
    rows = json.loads((EXAMPLES / "sample-request.json").read_text())["data"]
    assert [len(row) for row in rows] == [10, 10]
    first, second = (
        joblib.load(EXAMPLES / model / "model" / "regressor.pkl").predict(rows)
        for model in ("model-1", "model-2")
    )
    assert first != pytest.approx(second)


@pytest.mark.parametrize("number", ["1", "2"])
async def test_the_score_script_answers_the_sample_request_and_says_so_in_its_log(
    number: str,
) -> None:
    example = EXAMPLES / f"model-{number}"
    body = (EXAMPLES / "sample-request.json").read_bytes()
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        folder = Path(name)
        shutil.copytree(example / "model", folder / "model")
        script = (example / "onlinescoring" / "score.py").read_text()
        instance = Instance(folder, script, {})
        try:
            await instance.wait_until_serving()
            async with stream(instance) as one:
                await one.send([body])
                (answer,) = await one.answers(1)
        finally:
            instance.end()
        log = instance.log.read_text()
    expected = joblib.load(example / "model" / "regressor.pkl").predict(json.loads(body)["data"])
    assert answer.status == 200
    assert json.loads(answer.payload) == pytest.approx(expected.tolist())
    assert f"model {number}: request received" in log
