"""Whether what a request shows opens an endpoint (azure.md section 6).

A refusal takes the same time whether the endpoint opens by keys, by tokens or does not
exist: what it lacks is compared in vain.
"""

import hmac

from router.core.tokens import Tokens

_SCHEME = b"bearer "
# As many and as long as an endpoint's keys; they open nothing.
_NO_KEYS = (bytes(44), bytes(44))


def opens(
    authorization: bytes, keys: tuple[bytes, ...], secret: str | None, tokens: Tokens, now_ns: int
) -> bool:
    """Whether an Authorization header's value carries one of the keys, or a token of the secret.

    Args:
        keys: none where there is no such endpoint, or it has tokens only.
        secret: None where there is no such endpoint, or it has keys only.
    """
    shown = authorization[len(_SCHEME) :]
    found = _is_one_of(shown, keys or _NO_KEYS) and bool(keys)
    if secret is not None:
        found = tokens.allows(shown, secret, now_ns)
    elif not found:
        tokens.verify_in_vain(shown)
    # The scheme's letters may be of either case (RFC 9110, 11.1).
    return found and authorization[: len(_SCHEME)].lower() == _SCHEME


def _is_one_of(shown: bytes, keys: tuple[bytes, ...]) -> bool:
    """Compares every key, and in constant time, so that time tells nothing."""
    found = False
    for key in keys:
        found |= hmac.compare_digest(shown, key)
    return found
