"""/swagger.json: what the script brings, or what its decorators tell (azure.md 7.3, 7.5)."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs

from runtime.swagger_template import openapi_3, swagger_2

DEFAULT_VERSION = "2"
# Each with the names it goes by; inference-schema names the second.
ALIASES = {"2": ("2", "2.0"), "3": ("3", "3.0"), "3.1": ("3.1",)}
USER_FILES = {
    "2": ("swagger.json", "swagger2.json"),
    "3": ("swagger3.json",),
    "3.1": ("swagger3.1.json",),
}
ANYTHING: Mapping[str, object] = {"type": "object", "example": {}}


class SwaggerError(Exception):
    """There is no document of the version asked for; the message says which there are."""


class Swagger:
    """The documents of one script.

    Args:
        app_root: the script's folder, where its own documents may lie.
        run: its ``run()``.

    Raises:
        ValueError: a document of the script's own is no JSON.
    """

    def __init__(self, app_root: Path, run: Callable[..., object]) -> None:
        self._documents: dict[str, bytes] = {}
        for version, aliases in ALIASES.items():
            document = _own(app_root, version) or _generated(version, run)
            if document is not None:
                encoded = json.dumps(document).encode()
                self._documents |= dict.fromkeys(aliases, encoded)

    def get(self, query: str) -> bytes:
        """The document that a query such as ``version=3`` asks for.

        Raises:
            SwaggerError: as it says.
        """
        version = parse_qs(query, keep_blank_values=True).get("version", [DEFAULT_VERSION])[0]
        offered = ", ".join(v for v in ALIASES if v in self._documents)
        if not any(version in aliases for aliases in ALIASES.values()):
            raise SwaggerError(
                f"Swagger version [{version}] is not valid. Supported versions: [{offered}]."
            )
        if version not in self._documents:
            raise SwaggerError(
                f"Swagger version [{version}] is not supported for the scoring script. "
                f"Supported swagger versions: [{offered}]."
            )
        return self._documents[version]


def _own(app_root: Path, version: str) -> object:
    for name in USER_FILES[version]:
        path = app_root / name
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))
    return None


def _generated(version: str, run: Callable[..., object]) -> Mapping[str, object] | None:
    schemas = _schemas(version, run)
    if schemas is None:
        return None
    make = swagger_2 if version == DEFAULT_VERSION else openapi_3
    document = make(
        title=os.environ.get("SERVICE_NAME", "ML service"),
        service_version=os.environ.get("SERVICE_VERSION", "1.0"),
        path_prefix=_path_prefix(),
        service_input=schemas[0],
        service_output=schemas[1],
    )
    return {**document, "openapi": "3.1.0"} if version == "3.1" else document


def _schemas(version: str, run: Callable[..., object]) -> tuple[object, object] | None:
    """Of input and output, None if the script's types can't be said in that version."""
    if "inference_schema" not in sys.modules:
        return ANYTHING, ANYTHING
    from inference_schema import schema_util  # noqa: PLC0415 - there only if the script uses it

    if not set(ALIASES[version]) & set(schema_util.get_supported_versions(run)):
        return None
    if not schema_util.is_schema_decorated(run):
        return ANYTHING, ANYTHING
    return schema_util.get_input_schema(run), schema_util.get_output_schema(run)


def _path_prefix() -> str:
    prefix = os.environ.get("SERVICE_PATH_PREFIX", "").strip("/")
    return f"/{prefix}" if prefix else ""
