"""Quantities as Kubernetes writes them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import BadRequest
from router.core.quantities import parse_cpu, parse_memory


@pytest.mark.parametrize(
    ("text", "millicores"),
    [("1", 1000), ("0.1", 100), ("100m", 100), ("2.5", 2500), ("0.0001", 1), ("1500m", 1500)],
)
def test_cpu_is_in_thousandths_of_a_core(text: str, millicores: int) -> None:
    assert parse_cpu(text, "$.cpu") == millicores


@pytest.mark.parametrize(
    ("text", "count_bytes"),
    [
        ("128974848", 128974848),
        ("1k", 1000),
        ("1Ki", 1024),
        ("0.1Gi", 107374183),
        ("200Mi", 200 * 1024**2),
        ("1.5G", 1_500_000_000),
        ("2Ti", 2 * 1024**4),
    ],
)
def test_memory_is_in_bytes(text: str, count_bytes: int) -> None:
    assert parse_memory(text, "$.memory") == count_bytes


@pytest.mark.parametrize(
    "text",
    ["", "0", "0m", "-1", "+1", "1.", ".5", "1 m", "1M", "1e3", "m", "\u0661", "1\n", "many"],
)
def test_what_is_no_quantity_of_cpu_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_cpu(text, "$.resources.limits.cpu")
    assert "expected cores such as" in refused.value.message
    assert f"got {text!r}, at `$.resources.limits.cpu`" in refused.value.message


@pytest.mark.parametrize("text", ["", "0", "0Gi", "-1Gi", "1GiB", "1gb", "1m", "1 Gi", "Gi", "1K"])
def test_what_is_no_quantity_of_memory_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_memory(text, "$.memory")
    assert "expected memory such as" in refused.value.message


@given(
    whole=st.integers(0, 10**6), tenths=st.integers(0, 9), unit=st.sampled_from(["Ki", "M", "Gi"])
)
def test_parts_are_exact_and_rounded_up(whole: int, tenths: int, unit: str) -> None:
    scale = {"Ki": 1024, "M": 10**6, "Gi": 1024**3}[unit]
    exact = Fraction(whole * 10 + tenths, 10) * scale
    if exact:
        found = parse_memory(f"{whole}.{tenths}{unit}", "$")
        assert exact <= found < exact + 1
