"""Which tokens a worker finds good: signed with the endpoint's secret, not expired, no others."""

import base64
from datetime import UTC, datetime

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.control_plane.records import declared_endpoint
from router.control_plane.tokens import LIFETIME_S, new_token
from router.core.endpoint_spec import EndpointSpec
from router.data_plane.tokens import verify_token

SECRET = "s" * 64
OTHER = "o" * 64
NS_PER_S = 10**9


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> bytes:
    return jwt.encode(claims, secret, algorithm=algorithm).encode()


def in_an_hour() -> int:
    return int(datetime.now(UTC).timestamp()) + 3600


def test_what_the_control_plane_signs_is_good_for_a_day() -> None:
    spec = EndpointSpec(name="my-endpoint", auth_mode="aml_token")
    endpoint = declared_endpoint(spec, None)
    token = new_token(endpoint)
    assert token.expiry_time_utc - token.refresh_after_time_utc == LIFETIME_S // 2
    left_ns = verify_token(token.access_token.encode(), endpoint.token_secret)
    assert (LIFETIME_S - 60) * NS_PER_S < left_ns <= LIFETIME_S * NS_PER_S


def test_two_endpoints_have_two_secrets() -> None:
    one, other = (declared_endpoint(EndpointSpec(name=n), None) for n in ("one", "two"))
    assert one.token_secret != other.token_secret


@pytest.mark.parametrize(
    "token",
    [
        signed(OTHER, exp=in_an_hour()),
        signed(exp=int(datetime.now(UTC).timestamp()) - 1),
        signed(sub="my-endpoint"),
        signed(exp="soon"),
        signed("", algorithm="none", exp=in_an_hour()),
        signed(algorithm="HS512", exp=in_an_hour()),
        signed(exp=in_an_hour(), nbf=in_an_hour()),
        signed(exp=in_an_hour(), padding="x" * 3000),
        b"",
        b"..",
        b"\xff\xfe.\xff.\xff",
        base64.urlsafe_b64encode(b"[" * 1400).rstrip(b"=") + b".e30.e30",
    ],
    ids=[
        "another secret", "expired", "without expiry", "odd expiry", "unsigned",
        "another algorithm", "not yet valid", "too long", "empty", "dots", "not UTF-8", "deep",
    ],
)  # fmt: skip
def test_any_other_token_is_refused(token: bytes) -> None:
    assert verify_token(token, SECRET) <= 0


@given(st.binary(max_size=200))
def test_no_bytes_break_the_check(token: bytes) -> None:
    assert verify_token(token, SECRET) == 0


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_makes_it_worthless(place: int, change: int) -> None:
    token = bytearray(signed(exp=in_an_hour()))
    place %= len(token) - 1  # The last character has bits that mean nothing.
    token[place] ^= change
    assert verify_token(bytes(token), SECRET) == 0
