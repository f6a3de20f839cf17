"""What scripts import as azureml_inference_server_http.api.aml_response, and by older names.

aliases.py gives it those names. The words are Azure's (azure.md 7.4).
"""

import json
from collections.abc import Mapping

from flask import Response

JSON = "application/json"


class AMLResponse(Response):
    """An answer with the script's own status and headers.

    Args:
        message: the body; None means an empty JSON object.
        status_code: the model server's status.
        response_headers: a value with commas becomes several headers.
        json_str: the message is to be serialised.
        run_function_failed: said to the client in x-ms-run-function-failed.
    """

    def __init__(
        self,
        message: object,
        status_code: int,
        response_headers: Mapping[str, str] = {},
        json_str: bool = False,  # noqa: FBT001, FBT002 - Azure's signature
        run_function_failed: bool = False,  # noqa: FBT001, FBT002 - Azure's signature
    ) -> None:
        if message is None:
            super().__init__("{}", status=status_code, mimetype=JSON)
        elif json_str:
            super().__init__(json.dumps(message), status=status_code, mimetype=JSON)
        else:
            super().__init__(message, status=status_code)  # type: ignore[arg-type] # whatever the script gives
            if "Content-Type" in response_headers:
                self.headers.remove("Content-Type")
        self.headers["x-ms-run-function-failed"] = str(run_function_failed)
        for name, values in response_headers.items():
            for value in values.split(","):
                self.headers.add(name, value.strip())
