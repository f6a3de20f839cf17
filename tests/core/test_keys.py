"""What a wrong key tells whoever tries it: nothing."""

import hmac
from collections.abc import Callable

import pytest

from tests.shell import KEY, Shell, deployment, endpoint


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


def shell() -> Shell:
    made = Shell()
    made.swap(endpoint(deployment("blue"), traffic={"blue": 100}))
    return made


@pytest.mark.parametrize("authorization", [b"", b"Bearer", b"Bearer wrong", b"Basic secret"])
def test_an_endpoint_that_does_not_exist_compares_as_much_and_says_the_same(
    comparisons: list[tuple[bytes, bytes]], authorization: bytes
) -> None:
    asked = shell()
    answers, counts = [], []
    for name in ("my-endpoint", "no-such-endpoint"):
        answers.append(asked.dispatcher.authorize(name, authorization, asked.now_ns))
        counts.append(len(comparisons))
        comparisons.clear()
    assert answers[0] == answers[1]
    assert counts == [2, 2]


def test_both_keys_are_compared_even_if_the_first_one_fits(
    comparisons: list[tuple[bytes, bytes]],
) -> None:
    asked = shell()
    found = asked.dispatcher.authorize("my-endpoint", f"Bearer {KEY}".encode(), asked.now_ns)
    assert found is asked.dispatcher.snapshot.endpoints["my-endpoint"]
    assert len(comparisons) == 2
