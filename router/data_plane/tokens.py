"""Checks the signature and expiry of an endpoint's tokens, which the control plane signs."""

from datetime import UTC, datetime

import jwt

ALGORITHM = "HS256"
# Ours have some 200; a stranger's must not cost more to refuse.
TOKEN_BYTES_MAX = 2048
NS_PER_S = 1_000_000_000


def verify_token(token: bytes, secret: str) -> int:
    """The nanoseconds that a token is still good for; 0 if it is none of this secret's."""
    if len(token) > TOKEN_BYTES_MAX:
        return 0
    try:
        claims = jwt.decode(token, secret, algorithms=[ALGORITHM], options={"require": ["exp"]})
    except jwt.InvalidTokenError:
        return 0
    return int((claims["exp"] - datetime.now(UTC).timestamp()) * NS_PER_S)
