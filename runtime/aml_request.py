"""What scripts import as azureml_inference_server_http.api.aml_request, and by older names.

aliases.py gives it those names. The words are Azure's (azure.md 7.2).
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Request

_Run = TypeVar("_Run", bound=Callable[..., Any])

# One flag for the process, as in Azure's server: a script has one run().
raw_http_requested = False


class AMLRequest(Request):
    """The request as scripts with @rawhttp name its type."""


def rawhttp(function: _Run) -> _Run:
    """Marks that ``run()`` wants flask's request instead of the body."""
    global raw_http_requested  # noqa: PLW0603 - see there
    raw_http_requested = True
    return function
