"""Scores requests with model 2: init() loads it once, run() answers each request."""

import json
import logging
import os

import joblib
import numpy as np

model = None


def init() -> None:
    """Loads the model that the deployment's YAML file names."""
    global model
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "model", "regressor.pkl")
    model = joblib.load(path)
    logging.info("model 2: loaded")


def run(raw_data: str) -> list[float]:
    """Predicts one number for each row of 10 features in {"data": [[...], ...]}."""
    logging.info("model 2: request received")
    rows = np.array(json.loads(raw_data)["data"])
    return model.predict(rows).tolist()
