"""What a wrong key tells whoever tries it: nothing."""

import hmac
from collections.abc import Callable

import msgspec
import pytest

from router.core import refusals
from router.core.request import Refusal
from tests.shell import KEY, Shell, deployment, endpoint

SECRET = "secret of the endpoint's tokens"


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """Each comparison in constant time, as it is made."""
    made: list[tuple[bytes, bytes]] = []
    compare: Callable[[bytes, bytes], bool] = hmac.compare_digest

    def noting(one: bytes, other: bytes) -> bool:
        made.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    return made


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The secret of each signature that was checked; any signature fits "good"."""
    secrets: list[str] = []

    def noting(_shell: Shell, token: bytes, secret: str) -> int:
        secrets.append(secret)
        return int(token == b"good")

    monkeypatch.setattr(Shell, "verify_token", noting)
    return secrets


def shell(*, tokens: bool = False) -> Shell:
    """With an endpoint that opens by key, or by token."""
    made = Shell()
    route = endpoint(deployment("blue"), traffic={"blue": 100})
    if tokens:
        route = msgspec.structs.replace(route, keys=(), token_secret=SECRET)
    made.swap(route)
    return made


@pytest.mark.parametrize(
    "authorization", [b"", b"Bearer", b"Bearer wrong", b"Basic secret", b"Bearer " + bytes(44)]
)
def test_whatever_refuses_compares_and_verifies_as_much_and_says_the_same(
    comparisons: list[tuple[bytes, bytes]], verified: list[str], authorization: bytes
) -> None:
    for asked, name in (
        (shell(), "my-endpoint"),
        (shell(), "no-such-endpoint"),
        (shell(tokens=True), "my-endpoint"),
    ):
        refused = asked.dispatcher.authorize(name, authorization, asked.now_ns)
        assert refused == refusals.UNAUTHORIZED
        assert (len(comparisons), len(verified)) == (2, 1)
        comparisons.clear()
        verified.clear()


@pytest.mark.usefixtures("verified")
def test_a_token_opens_only_an_endpoint_that_has_a_secret() -> None:
    for asked, opens in ((shell(), False), (shell(tokens=True), True)):
        found = asked.dispatcher.authorize("my-endpoint", b"Bearer good", asked.now_ns)
        assert isinstance(found, Refusal) is not opens


@pytest.mark.usefixtures("verified")
def test_what_has_opened_an_endpoint_opens_no_other_and_not_its_next_keys() -> None:
    asked, opening = shell(), f"Bearer {KEY}".encode()
    route = asked.dispatcher.snapshot.endpoints["my-endpoint"].route
    other = msgspec.structs.replace(route, name="other", keys=("another key",))
    asked.swap(route, other)
    for _ in range(2):
        assert not isinstance(asked.dispatcher.authorize("my-endpoint", opening, 0), Refusal)
    asked.swap(msgspec.structs.replace(route, keys=("a new key",)), other)
    for name in ("other", "my-endpoint"):
        assert isinstance(asked.dispatcher.authorize(name, opening, 0), Refusal)


def test_a_token_that_has_opened_an_endpoint_does_not_when_it_has_expired(
    verified: list[str],
) -> None:
    asked = shell(tokens=True)
    for now_ns, opens in ((0, True), (1, False)):
        found = asked.dispatcher.authorize("my-endpoint", b"Bearer good", now_ns)
        assert isinstance(found, Refusal) is not opens
    assert verified == [SECRET]


def test_of_other_schemes_the_right_key_opens_nothing_however_often() -> None:
    asked = shell()
    for _ in range(3):
        found = asked.dispatcher.authorize("my-endpoint", f"Basic! {KEY}".encode(), 0)
        assert isinstance(found, Refusal)


def test_both_keys_are_compared_even_if_the_first_one_fits(
    comparisons: list[tuple[bytes, bytes]],
) -> None:
    asked = shell()
    found = asked.dispatcher.authorize("my-endpoint", f"Bearer {KEY}".encode(), asked.now_ns)
    assert found is asked.dispatcher.snapshot.endpoints["my-endpoint"]
    assert len(comparisons) == 2
