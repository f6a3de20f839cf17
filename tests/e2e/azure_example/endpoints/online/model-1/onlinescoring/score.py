"""Version 1, as Azure's example has it: the model loaded by joblib predicts."""

import json
import logging
import os

import joblib
import numpy


def init():
    global model
    folder = os.getenv("AZUREML_MODEL_DIR")
    model = joblib.load(os.path.join(folder, "model/sklearn_regression_model.pkl"))
    logging.info("Init complete")


def run(raw_data):
    logging.info("model 1: request received")
    data = numpy.array(json.loads(raw_data)["data"])
    result = model.predict(data)
    logging.info("Request processed")
    return result.tolist()
