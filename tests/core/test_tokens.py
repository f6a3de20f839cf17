"""Tokens that were found good are taken until they expire, and no longer."""

from router.core.tokens import TOKENS_MAX, Tokens

HOUR_NS = 3600 * 10**9


class Verifier:
    """Knows which tokens are good, and for how long; counts how often it is asked."""

    def __init__(self, **left_ns: int) -> None:
        self.left_ns = left_ns
        self.asked = 0

    def __call__(self, token: bytes, secret: str) -> int:
        self.asked += 1
        return self.left_ns.get(token.decode(), 0) if secret == "right" else 0


def test_a_good_token_is_checked_once() -> None:
    verifier = Verifier(good=HOUR_NS)
    tokens = Tokens(verifier)
    assert all(tokens.allows(b"good", "right", now_ns) for now_ns in range(10))
    assert verifier.asked == 1


def test_a_token_opens_until_it_expires_and_no_longer() -> None:
    tokens = Tokens(Verifier(good=HOUR_NS))
    assert tokens.allows(b"good", "right", now_ns=5)
    assert tokens.allows(b"good", "right", now_ns=5 + HOUR_NS - 1)
    assert not tokens.allows(b"good", "right", now_ns=5 + HOUR_NS)


def test_a_token_opens_no_endpoint_with_another_secret() -> None:
    tokens = Tokens(Verifier(good=HOUR_NS))
    assert tokens.allows(b"good", "right", now_ns=0)
    assert not tokens.allows(b"good", "other", now_ns=0)


def test_bad_and_expired_tokens_are_refused_and_not_kept() -> None:
    verifier = Verifier(expired=-1)
    tokens = Tokens(verifier)
    assert not any(tokens.allows(token, "right", now_ns=0) for token in (b"expired", b"bad") * 3)
    assert verifier.asked == 6


def test_tokens_do_not_pile_up() -> None:
    names = [f"t{n}" for n in range(TOKENS_MAX + 5)]
    tokens = Tokens(Verifier(**dict.fromkeys(names, HOUR_NS)))
    assert all(tokens.allows(name.encode(), "right", now_ns=0) for name in names)
    assert len(tokens._expires_ns) <= TOKENS_MAX
