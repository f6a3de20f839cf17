"""The documents that describe a scoring endpoint's three routes, around the script's schemas."""

from collections.abc import Mapping

_SECURITY: list[Mapping[str, object]] = [{"Bearer": []}]
_BEARER = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "description": "The word Bearer, a space, and a key or token of the endpoint.",
}
_ERROR = {"type": "object", "properties": {"message": {"type": "string"}}}
_FAILED = "The request could not be answered; the message says why."
_VERSIONS = {"type": "integer", "enum": [2, 3]}

Document = Mapping[str, object]


def swagger_2(
    *,
    title: str,
    service_version: str,
    path_prefix: str,
    service_input: object,
    service_output: object,
) -> Document:
    """Version 2.0."""

    def responses(description: str, schema: object) -> Document:
        failed = {"description": _FAILED, "schema": {"$ref": "#/definitions/ErrorResponse"}}
        return {"200": {"description": description, "schema": schema}, "default": failed}

    body = {
        "name": "serviceInputPayload",
        "in": "body",
        "description": "What run() gets.",
        "schema": {"$ref": "#/definitions/ServiceInput"},
    }
    healthy = responses("The instance is up.", {"type": "string"})
    return {
        "swagger": "2.0",
        "info": _info(title, service_version),
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": _BEARER},
        "paths": _paths(
            path_prefix,
            health=healthy,
            score={
                "security": _SECURITY,
                "parameters": [body],
                "responses": responses("The prediction.", {"$ref": "#/definitions/ServiceOutput"}),
            },
            swagger={
                "parameters": [{"name": "version", "in": "query", "required": False, **_VERSIONS}],
                "responses": responses("This document.", {"type": "string"}),
            },
        ),
        "definitions": _schemas(service_input, service_output),
    }


def openapi_3(
    *,
    title: str,
    service_version: str,
    path_prefix: str,
    service_input: object,
    service_output: object,
) -> Document:
    """Version 3.0."""

    def content(media_type: str, schema: object) -> Document:
        return {media_type: {"schema": schema}}

    def responses(description: str, found: Document) -> Document:
        error = content("application/json", {"$ref": "#/components/schemas/ErrorResponse"})
        return {
            "200": {"description": description, "content": found},
            "default": {"description": _FAILED, "content": error},
        }

    text = content("text/plain", {"type": "string"})
    read, written = (
        content("application/json", {"$ref": f"#/components/schemas/{name}"})
        for name in ("ServiceInput", "ServiceOutput")
    )
    version = {"name": "version", "in": "query", "required": False, "schema": _VERSIONS}
    return {
        "openapi": "3.0.3",
        "info": _info(title, service_version),
        "security": _SECURITY,
        "paths": _paths(
            path_prefix,
            health=responses("The instance is up.", text),
            score={
                "security": _SECURITY,
                "requestBody": {"description": "What run() gets.", "content": read},
                "responses": responses("The prediction.", written),
            },
            swagger={"parameters": [version], "responses": responses("This document.", text)},
        ),
        "components": {
            "schemas": _schemas(service_input, service_output),
            "securitySchemes": {"Bearer": _BEARER},
        },
    }


def _info(title: str, service_version: str) -> Document:
    return {
        "title": title,
        "description": f"What the scoring endpoint {title} takes and answers",
        "version": service_version,
    }


def _paths(prefix: str, *, health: Document, score: Document, swagger: Document) -> Document:
    return {
        f"{prefix}/": {
            "get": {
                "operationId": "ServiceHealthCheck",
                "description": "Answers when the instance is up.",
                "responses": health,
            }
        },
        f"{prefix}/score": {
            "post": {"operationId": "RunMLService", "description": "Calls run().", **score}
        },
        f"{prefix}/swagger.json": {
            "get": {"operationId": "GetSwaggerSpec", "description": "This document.", **swagger}
        },
    }


def _schemas(service_input: object, service_output: object) -> Document:
    return {
        "ServiceInput": service_input,
        "ServiceOutput": service_output,
        "ErrorResponse": _ERROR,
    }
