"""Whether what a request shows opens an endpoint (azure.md section 6).

A refusal takes the same time whether the endpoint opens by keys, by tokens or does not
exist: what it lacks is compared in vain.
"""

import hmac

from router.core.tokens import Tokens

_SCHEME = b"bearer "
# As many and as long as an endpoint's keys; they open nothing.
_NO_KEYS = (bytes(44), bytes(44))


class Credentials:
    """What opens one endpoint.

    Args:
        keys: none where there is no such endpoint, or it has tokens only.
        secret: of its tokens; None where there is no such endpoint, or it has keys only.

    Attributes:
        keys: see above.
        opened_by: values of the header that have opened it by a key, of each no more than there
            are ways to spell the scheme. To look here tells nobody by its time how much of a
            value is right: it is found by its whole hash, which Python salts.
    """

    __slots__ = ("_secret", "keys", "opened_by")

    def __init__(self, keys: tuple[bytes, ...], secret: str | None) -> None:
        self.keys = keys
        self._secret = secret
        self.opened_by: set[bytes] = set()

    def allow(self, authorization: bytes, tokens: Tokens, now_ns: int) -> bool:
        """Whether an Authorization header's value carries one of the keys, or a good token."""
        shown = authorization[len(_SCHEME) :]
        # The scheme's letters may be of either case (RFC 9110, 11.1).
        is_bearer = authorization[: len(_SCHEME)].lower() == _SCHEME
        found = _is_one_of(shown, self.keys or _NO_KEYS) and bool(self.keys)
        if self._secret is not None:
            found = tokens.allows(shown, self._secret, now_ns)
        elif not found:
            tokens.verify_in_vain(shown)
        elif is_bearer:
            self.opened_by.add(authorization)
        return found and is_bearer


NOBODYS = Credentials((), None)


def _is_one_of(shown: bytes, keys: tuple[bytes, ...]) -> bool:
    """Compares every key, and in constant time, so that time tells nothing."""
    found = False
    for key in keys:
        found |= hmac.compare_digest(shown, key)
    return found
