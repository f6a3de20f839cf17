"""The scoring scripts that both servers host. What a script does, the request's body says."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Script:
    """A script with what lies beside it and the deployment's variables."""

    text: str
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=lambda: {"TZ": "UTC"})


TEXT = """
import json, logging, os, sys
import neighbour

inits = 0

def init():
    global inits
    inits += 1
    print("init", "has", "run", sep="-")

def run(raw_data):
    if raw_data == "environment":
        return [os.path.basename(os.environ["AZUREML_ENTRY_SCRIPT"]),
                os.environ["AML_APP_ROOT"] == os.getcwd(),
                os.listdir(os.environ["AZUREML_MODEL_DIR"])]
    if raw_data == "neighbour":
        return neighbour.NAME
    if raw_data == "inits":
        return inits
    if raw_data == "raise":
        raise ValueError("no such row")
    if raw_data == "timeout error":
        raise TimeoutError("of the script itself")
    if raw_data.startswith("return "):
        return eval(raw_data.removeprefix("return "), {})
    if raw_data == "log":
        logging.getLogger("azmlinfsrv").info("said by the script")
        logging.info("said to the root logger")
        print("printed by run")
    return raw_data
"""

HEADERS = """
def init(): pass
def run(request_headers, data="nothing", more=1):
    return [data, {name: request_headers.get(name) for name in
            ("Content-Type", "Content-Length", "X-Own", "Accept", "X-Repeated")},
            sorted(name for name in request_headers if name.startswith("X-"))]
"""

RAW = """
import json, time
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
from azureml_inference_server_http.api.aml_request import rawhttp as same
from azureml_inference_server_http.api.aml_response import AMLResponse as SameResponse
from flask import Response, stream_with_context, request as flask_request

assert same is rawhttp and SameResponse is AMLResponse

def init(): pass

@rawhttp
def run(req):
    what = req.args.get("do")
    if what == "files":
        file = req.files["image"]
        return AMLResponse({"name": file.filename, "size": len(file.read()),
                            "form": req.form.to_dict()}, 200, json_str=True)
    if what == "describe":
        return {"method": req.method, "path": req.path, "args": req.args.to_dict(flat=False),
                "type": req.content_type, "length": req.content_length,
                "data": req.get_data(as_text=True), "own": req.headers.get("x-own"),
                "json": req.get_json(silent=True), "same": flask_request.path}
    if what == "bytes":
        return AMLResponse(bytes(range(256)), 200, {"Content-Type": "image/jpeg"})
    if what == "headers":
        return AMLResponse("ok", 200, {"x-one": "a, b", "X-Two": "c", "Set-Cookie": "k=v"})
    if what == "status":
        return AMLResponse({"message": "as the script says"}, int(req.args["status"]),
                           {"x-why": "because"}, json_str=True)
    if what == "none":
        return AMLResponse(None, 200)
    if what == "failed":
        return AMLResponse("not good", 200, run_function_failed=True)
    if what == "flask":
        return Response("<p>plain flask</p>", int(req.args.get("status", 200)), {"x-three": "d"})
    if what == "json":
        return {"plain": "result"}
    if what == "events":
        count = int(req.args["count"])
        def events():
            for n in range(count):
                yield f"data: {json.dumps({'n': n})}\\n\\n"
        return Response(events(), mimetype="text/event-stream")
    if what == "large":
        return Response((b"%d," % n * 1000 for n in range(5000)), mimetype="application/csv")
    if what == "in context":
        return Response(stream_with_context(flask_request.args["do"] for _ in range(2)))
    if what == "breaks":
        def breaks():
            yield "begun"
            raise ValueError("in its midst")
        return Response(breaks())
    if what == "breaks at once":
        def at_once():
            raise ValueError("before anything")
            yield "never"
        return Response(at_once())
    raise ValueError(what)
"""

SCHEMA = """
import numpy as np, pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import (
    StandardPythonParameterType)

def init(): pass

@input_schema("rows", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("factor", StandardPythonParameterType(2))
@input_schema("frame", PandasParameterType(pd.DataFrame({"a": [1], "b": ["x"]})), optional=True)
@output_schema(StandardPythonParameterType({"sum": 1.5}))
def run(rows, factor, frame=None):
    return {"sum": float(rows.sum() * factor), "columns": list(frame) if frame is not None else []}
"""

# Its list holds two types, which Swagger 2 can't say.
MIXED_SCHEMA = """
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.standard_py_parameter_type import (
    StandardPythonParameterType)

def init(): pass

@input_schema("mixed", StandardPythonParameterType([1, "a"]))
def run(mixed):
    return mixed
"""

OWN_SWAGGER = '{"swagger": "2.0", "info": {"title": "their own", "version": "7"}, "paths": {}}'
DRIVER = """
import azureml_inference_server_http.api.aml_response
import inner as driver_module

def init():
    driver_module.init()

def run(wrong, parameters, altogether):
    raise ValueError("the driver's run() is passed over")
"""
INNER = """
ready = False
def init():
    global ready
    ready = True
def run(data):
    return [ready, data]
"""

SLOW = """
import time
def init(): pass
def run(raw):
    if raw == "swallow":
        try:
            time.sleep(50)
        except TimeoutError:
            return "swallowed"
    time.sleep(float(raw))
    return "in time"
"""

MANY = """
import os, threading, time
pid = None
def init():
    global pid
    pid = os.getpid()
def run(raw):
    time.sleep(0.05)
    return [pid == os.getpid(), os.getpid(), threading.current_thread() is threading.main_thread()]
"""

SCRIPTS = {
    "text": Script(TEXT, {"neighbour.py": "NAME = 'next door'"}),
    "headers": Script(HEADERS),
    "raw": Script(RAW),
    "schema": Script(SCHEMA, environment={"SERVICE_NAME": "sums", "SERVICE_VERSION": "3.4"}),
    "mixed": Script(MIXED_SCHEMA, environment={"SERVICE_PATH_PREFIX": "/below/"}),
    "driver": Script(DRIVER, {"inner.py": INNER, "swagger.json": OWN_SWAGGER}),
    "slow": Script(SLOW, environment={"SCORING_TIMEOUT_MS": "200"}),
    "many": Script(MANY, environment={"WORKER_COUNT": "3"}),
}
