"""The interpreters that are installed on this machine, and which comes nearest to a wish."""

import json
import sys

from msgspec import Struct

from router.control_plane.environments.uv import run_uv

# What the runtime needs.
OLDEST = (3, 11)


class Python(Struct, frozen=True):
    """An installed interpreter."""

    version: tuple[int, int, int]
    path: str

    @property
    def text(self) -> str:
        """The version as people write it."""
        return ".".join(map(str, self.version))


def own() -> Python:
    """The daemon's."""
    return Python((*sys.version_info[:2], sys.version_info[2]), sys.executable)


async def installed() -> list[Python]:
    """All that may run instances, the daemon's first."""
    listed = json.loads(
        await run_uv("python", "list", "--only-installed", "--output-format", "json")
    )
    found = [
        Python((parts["major"], parts["minor"], parts["patch"]), one["path"])
        for one in listed
        if one["implementation"] == "cpython" and (parts := one["version_parts"])
    ]
    return [own(), *(python for python in found if python.version[:2] >= OLDEST)]


def nearest(wanted: str | None, pythons: list[Python]) -> tuple[Python, str | None]:
    """The interpreter for a wish, and a warning if it is another version.

    Args:
        wanted: a version as far as it matters; None for any.
        pythons: at least one; of equals the first is taken.
    """
    if wanted is None:
        return pythons[0], None
    parts = tuple(int(part) for part in wanted.split("."))
    best = min(pythons, key=lambda python: _distance(python.version, parts))
    if best.version[: len(parts)] == parts[:3]:
        return best, None
    return best, (
        f"expected Python {wanted}, which is not installed; the environment gets the nearest one "
        f"that is, {best.text} ({best.path})"
    )


def _distance(version: tuple[int, int, int], wanted: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(abs(have - want) for have, want in zip(version, wanted, strict=False))
