"""Other names for keys, tokens and secrets: a journal opens no endpoint.

The same secret has the same pseudonym within one journal, and in no other: what the core
compares compares alike, and nobody learns more.
"""

import hmac

from msgspec.structs import replace

from router.core.routing import Routing

_BEARER = b"bearer "
_NOT_BEARER = b"-other "
# Clients show the same key again and again.
_KNOWN_MAX = 1024


class Pseudonyms:
    """Those of one journal.

    Args:
        salt: random, and kept nowhere else: with it, a short secret could be guessed.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._known: dict[bytes, bytes] = {}

    def of(self, secret: bytes) -> bytes:
        """The pseudonym of a key, a token or a secret."""
        found = self._known.get(secret)
        if found is None:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            found = hmac.digest(self._salt, secret, "sha256").hex().encode()
            self._known[secret] = found
        return found

    def of_authorization(self, value: bytes) -> bytes:
        """The same for an Authorization header's value; whether its scheme is Bearer stays."""
        scheme, shown = value[: len(_BEARER)], value[len(_BEARER) :]
        return (_BEARER if scheme.lower() == _BEARER else _NOT_BEARER) + self.of(shown)

    def of_routing(self, routing: Routing) -> Routing:
        """The routing with other credentials; where instances listen is left out."""
        return replace(
            routing,
            endpoints=tuple(
                replace(
                    endpoint,
                    keys=tuple(self.of(key.encode()).decode() for key in endpoint.keys),
                    token_secret=(
                        None
                        if endpoint.token_secret is None
                        else self.of(endpoint.token_secret.encode()).decode()
                    ),
                    deployments=tuple(
                        replace(
                            deployment,
                            instances=tuple(replace(i, target="") for i in deployment.instances),
                        )
                        for deployment in endpoint.deployments
                    ),
                )
                for endpoint in routing.endpoints
            ),
        )
