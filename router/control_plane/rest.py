"""What all parts of the REST API share: where resources are, reading bodies, wording answers.

Which routes there are and what they do is in api.py and assets_api.py.
"""

from http import HTTPStatus

import msgspec
from aiohttp import web

from router.control_plane.resources import PROVIDER
from router.core.errors import BadRequest

WORKSPACE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    f"{PROVIDER}/workspaces/{{workspace}}"
)
BODY = "request body"
BODY_BYTES_MAX = 16 * 1024 * 1024
# Of lists and objects in one another; no resource of Azure comes near.
LEVELS_MAX = 100


async def read_body(request: web.Request) -> object:
    """The JSON value that a request carries.

    Raises:
        BadRequest: it carries nothing, anything but JSON, or more than LEVELS_MAX levels.
    """
    try:
        content = await request.read()
    except web.RequestPayloadError as error:
        raise BadRequest(
            f"{BODY}: expected a body in the encoding that its headers name, got: {error}"
        ) from None
    if not content:
        raise BadRequest(f"{BODY}: expected a JSON object, got nothing, at `$`")
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"{BODY}: expected JSON, got something else: {error}") from None
    if _is_deeper(value, LEVELS_MAX):
        raise BadRequest(f"{BODY}: expected at most {LEVELS_MAX} levels, got more, at `$`")
    return value


def _is_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects are in one another to more than ``levels``."""
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in parts)


def json_answer(
    value: object, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> web.Response:
    """An answer with ``value`` as its JSON body."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def workspace_path(request: web.Request) -> str:
    """The path of the workspace that a request names; all are one to this daemon."""
    return WORKSPACE.format(**request.match_info)
