"""The API's OpenAPI document, made of the routes that are registered (`GET /openapi.json`).

Paths and methods come from the router, bodies from the types that parse them, the rest
from what is written on each handler (described.py): there is no second list to keep. The
blob store is left out: it speaks Azure storage's protocol, not this API's.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version

import msgspec
from aiohttp import hdrs, web

from router.control_plane.blobs import BLOBS
from router.control_plane.described import Anything, Description, Error, described, description_of
from router.control_plane.rest import json_answer

OPENAPI_VERSION = "3.1.0"
PATH = "/openapi.json"
_REF = "#/components/schemas/{name}"
_JSON = "application/json"
# Of the answers that begin an operation (azure.md 8.3).
_OPERATION_HEADERS = {
    "Azure-AsyncOperation": "The URL that says how far the operation is",
    "Retry-After": "Seconds until it should be asked",
}
_PARAMETER = re.compile(r"\{(\w+)\}")
_CHOICES = re.compile(r"\(\?P<(\w+)>(\w+(?:\|\w+)+)\)")

Json = dict[str, object]
Schemas = Mapping[type, Json]


class Document:
    """Serves the document of an application. Add its route last."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    @described("This document", {200: Anything})
    async def get(self, _: web.Request) -> web.Response:
        """Answers with it."""
        return json_answer(document_of(self._app))


def document_of(app: web.Application) -> Json:
    """The document of every route of ``app``, the blob store's left out."""
    routes = [(route, _description(route)) for route in app.router.routes() if _is_ours(route)]
    types: set[type] = {Error}
    for _, description in routes:
        types |= {t for t in (*description.bodies, *description.answers.values()) if t is not None}
    ordered = sorted(types, key=str)
    references, components = msgspec.json.schema_components(
        ordered, schema_hook=_anything, ref_template=_REF
    )
    for component in components.values():
        _let_scalars_be_text(component)
    schemas: Schemas = dict(zip(ordered, references, strict=True))
    paths: dict[str, Json] = {}
    for route, description in routes:
        assert route.resource is not None
        operation = _operation(route.resource, description, schemas)
        paths.setdefault(route.resource.canonical, {})[route.method.lower()] = operation
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": "Turnout's control plane", "version": version("turnout")},
        "paths": paths,
        "components": {"schemas": components},
    }


def _is_ours(route: web.AbstractRoute) -> bool:
    # aiohttp adds HEAD to each GET.
    is_blob = route.resource is not None and route.resource.canonical.startswith(f"/{BLOBS}/")
    return route.method != hdrs.METH_HEAD and not is_blob


def _description(route: web.AbstractRoute) -> Description:
    description = description_of(route.handler)
    assert description is not None, f"{route} is not described"
    return description


def _anything(_: type) -> Json:
    """What is accepted and has no meaning here may be of any type."""
    return {"description": "Accepted, and without a meaning here"}


def _let_scalars_be_text(schema: object) -> None:
    """Numbers and truth values are taken where text is wanted (router/core/spelling.py)."""
    if isinstance(schema, dict):
        if schema.get("type") == "string":
            schema["type"] = ["string", "number", "boolean"]
        for part in schema.values():
            _let_scalars_be_text(part)
    elif isinstance(schema, list):
        for part in schema:
            _let_scalars_be_text(part)


def _operation(resource: web.AbstractResource, said: Description, schemas: Schemas) -> Json:
    responses = {
        str(status): _response(said.summary, schemas[body] if body is not None else None)
        for status, body in said.answers.items()
    }
    if said.long_running:
        for status in said.answers:
            if status != HTTPStatus.NO_CONTENT:
                responses[str(status)]["headers"] = _operation_headers()
    responses["4XX"] = _response("Refused; nothing has changed", schemas[Error])
    operation: Json = {
        "summary": said.summary,
        "parameters": [
            *_path_parameters(resource),
            *(_parameter(name, "query") for name in ("api-version", *said.query)),
            *(_parameter(name, "header") for name in said.headers),
        ],
        "responses": responses,
    }
    if said.bodies:
        bodies = {"anyOf": [schemas[body] for body in said.bodies]}
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": bodies}}}
    return operation


def _response(description: str, schema: Json | None) -> Json:
    content = {"content": {_JSON: {"schema": schema}}} if schema is not None else {}
    return {"description": description, **content}


def _operation_headers() -> Json:
    return {
        name: {"description": description, "required": True, "schema": {"type": "string"}}
        for name, description in _OPERATION_HEADERS.items()
    }


def _path_parameters(resource: web.AbstractResource) -> list[Json]:
    """Those with a few values only have them from the route's own pattern."""
    pattern = resource.get_info().get("pattern")
    choices = dict(_CHOICES.findall(pattern.pattern)) if pattern is not None else {}
    return [
        _parameter(name, "path", choices[name].split("|") if name in choices else None)
        for name in _PARAMETER.findall(resource.canonical)
    ]


def _parameter(name: str, place: str, choices: list[str] | None = None) -> Json:
    schema: Json = {"type": "string"}
    if choices is not None:
        schema["enum"] = choices
    elif place == "path":
        schema["minLength"] = 1
    return {"name": name, "in": place, "required": place == "path", "schema": schema}
