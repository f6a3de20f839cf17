"""Quantities as Kubernetes writes them, as whole numbers: "100m" of cpu, "0.1Gi" of memory."""

import re
from decimal import Decimal

from router.core.errors import BadRequest

MILLICORES_PER_CORE = 1000
_CPU_UNITS = {"": MILLICORES_PER_CORE, "m": 1}
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {letter: 1000**power for power, letter in enumerate("kMGTPE", start=1)}
_MEMORY_UNITS = {"": 1, **_BINARY, **_DECIMAL}
# ASCII digits only: \d would let other scripts' digits pass.
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)")


def parse_cpu(text: str, path: str) -> int:
    """Thousandths of a core, rounded up, as Kubernetes does.

    Args:
        path: where it stands, for the message.

    Raises:
        BadRequest: no quantity of cpu above 0.
    """
    return _parse(text, _CPU_UNITS, path, 'cores such as "0.5", "500m" or "2"')


def parse_memory(text: str, path: str) -> int:
    """Bytes, rounded up. Arguments and errors as ``parse_cpu``."""
    return _parse(text, _MEMORY_UNITS, path, 'memory such as "200Mi", "0.5Gi" or "1G"')


def _parse(text: str, units: dict[str, int], path: str, expected: str) -> int:
    found = _QUANTITY.fullmatch(text)
    unit = units.get(found[2]) if found else None
    if found is None or unit is None:
        raise BadRequest(f"expected {expected}, got {text!r}, at `{path}`")
    scaled = Decimal(found[1]) * unit
    quantity = int(scaled) + (scaled != int(scaled))
    if not quantity:
        raise BadRequest(f"expected {expected}, above 0, got {text!r}, at `{path}`")
    return quantity
