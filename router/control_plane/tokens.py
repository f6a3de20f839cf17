"""Signs the tokens of endpoints of the auth mode aml_token (azure.md section 6).

A token is a JSON Web Token with the endpoint's own secret. Workers check it
(router/data_plane/tokens.py); nothing of it is stored.
"""

from datetime import UTC, datetime

import jwt
from msgspec import Struct

from router.control_plane.records import StoredEndpoint
from router.core.errors import BadRequest

ALGORITHM = "HS256"
LIFETIME_S = 24 * 3600
REFRESH_AFTER_S = LIFETIME_S // 2


class Token(Struct, frozen=True, rename="camel"):
    """A token as the API answers it; times in seconds since 1970, UTC."""

    access_token: str
    expiry_time_utc: int
    refresh_after_time_utc: int
    token_type: str = "Bearer"  # noqa: S105 - the name of the scheme


def new_token(endpoint: StoredEndpoint) -> Token:
    """A token that opens the endpoint for LIFETIME_S.

    Raises:
        BadRequest: the endpoint takes keys.
    """
    name = endpoint.spec.name
    if endpoint.spec.auth_mode != "aml_token":
        raise BadRequest(
            f"Endpoint '{name}' does not use tokens for authentication. Its auth_mode is key; "
            f"`turnout ml online-endpoint get-credentials --name {name}` prints its keys."
        )
    issued = int(datetime.now(UTC).timestamp())
    claims = {"iss": "turnout", "sub": name, "iat": issued, "exp": issued + LIFETIME_S}
    return Token(
        access_token=jwt.encode(claims, endpoint.token_secret, algorithm=ALGORITHM),
        expiry_time_utc=issued + LIFETIME_S,
        refresh_after_time_utc=issued + REFRESH_AFTER_S,
    )


def check_uses_keys(endpoint: StoredEndpoint) -> None:
    """Refuses to deal with the keys of an endpoint that takes tokens."""
    if endpoint.spec.auth_mode != "key":
        raise BadRequest(f"Endpoint '{endpoint.spec.name}' does not use keys for authentication.")
