"""Tokens that open an endpoint until they expire (azure.md section 6, auth mode aml_token).

Checking a signature costs more than routing a request, so it is done once for each token;
afterwards its expiry alone is looked at. How a signature is checked is the shell's.
"""

from collections.abc import Callable

# A client uses one for hours. When there are more, all are checked once again.
TOKENS_MAX = 1024
# As long as an endpoint's.
NO_SECRET = "0" * 44

# Takes a token and the endpoint's secret; the nanoseconds it is still good for, 0 if never.
Verify = Callable[[bytes, str], int]


class Tokens:
    """The tokens that were found good in this worker."""

    __slots__ = ("_expires_ns", "_verify")

    def __init__(self, verify: Verify) -> None:
        self._verify = verify
        self._expires_ns: dict[tuple[str, bytes], int] = {}

    def allows(self, token: bytes, secret: str, now_ns: int) -> bool:
        """Whether the token was made with this secret and has not expired.

        Args:
            secret: the endpoint's, so that no other endpoint's token opens it.
        """
        expires_ns = self._expires_ns.get((secret, token))
        if expires_ns is None:
            left_ns = self._verify(token, secret)
            if left_ns <= 0:
                return False
            if len(self._expires_ns) >= TOKENS_MAX:
                self._expires_ns.clear()
            expires_ns = self._expires_ns[secret, token] = now_ns + left_ns
        return now_ns < expires_ns

    def verify_in_vain(self, token: bytes) -> None:
        """Takes the time of a check that fails."""
        self._verify(token, NO_SECRET)
