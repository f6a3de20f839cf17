"""Who may talk to the control plane.

On loopback, everybody on this machine, but no web page in their browser. Elsewhere, only
who has the token that the operator put into a file. Uploads carry tokens of their own
(blobs.py), which the API hands out.
"""

import hmac
import ipaddress
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from router.core.config import ControlPlaneSettings
from router.core.errors import Forbidden, TurnoutError, Unauthorized

TOKEN_LENGTH_MIN = 16
BLOBS = "/blobs/"
_SCHEME = "bearer "
_LOCAL_NAME = "localhost"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def read_token(settings: ControlPlaneSettings, base_dir: Path) -> str | None:
    """The token that clients have to show; None if they need none.

    Args:
        base_dir: what the path in ``settings`` is relative to.

    Raises:
        TurnoutError: the API would listen beyond this machine without one; or the file can't
            be read, is open to other users, or holds no good token.
    """
    if settings.token_file is None:
        if not _is_loopback(settings.host):
            raise TurnoutError(
                f"expected `control_plane.token_file`, got none, though the control plane is to "
                f"listen on {settings.host}: whoever reached it could run code as this user. Put a "
                f"token into a file of mode 0600, or listen on 127.0.0.1, at `$.control_plane`"
            )
        return None
    path = base_dir / settings.token_file
    at = "at `$.control_plane.token_file`"
    try:
        mode, token = path.stat().st_mode, path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TurnoutError(f"expected a file with a token in {path}, got: {error}, {at}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise TurnoutError(
            f"expected a file that only this user can read, got mode {stat.S_IMODE(mode):04o} of "
            f"{path}. `chmod 600 {path}`, {at}"
        )
    if len(token) < TOKEN_LENGTH_MIN or not (token.isascii() and token.isprintable()):
        raise TurnoutError(
            f"expected a token of at least {TOKEN_LENGTH_MIN} printable characters in {path}, got "
            f"another text. `openssl rand -hex 32` makes one, {at}"
        )
    return token


def guard(token: str | None) -> Middleware:
    """Refuses who may not call, before anything else is looked at."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if token is None:
            _check_local(request)
        elif not request.path.startswith(BLOBS) and not _shows(request, token):
            raise Unauthorized(
                "expected the header `Authorization: Bearer TOKEN` with the token of "
                "`control_plane.token_file`, got none or another. The `turnout` command takes it "
                "from the environment variable TURNOUT_TOKEN."
            )
        return await handler(request)

    return guarded


def _shows(request: web.Request, token: str) -> bool:
    said = request.headers.get(hdrs.AUTHORIZATION, "")
    shown = said[len(_SCHEME) :].encode(errors="replace")
    same = hmac.compare_digest(shown, token.encode())
    return same and said[: len(_SCHEME)].lower() == _SCHEME


def _check_local(request: web.Request) -> None:
    """A browser says where a page is from; a page's own name may point to this machine."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and origin.partition("://")[2] != request.host:
        raise Forbidden(f"expected no call from another site, got one from {origin!r}")
    host = request.url.host or ""
    if not _is_loopback(host):
        raise Forbidden(
            f"expected an address of this machine in the header Host, got {host!r}. Call the "
            f"control plane as 127.0.0.1 or localhost, or give it a token."
        )


def _is_loopback(host: str) -> bool:
    if host == _LOCAL_NAME:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
