"""The interpreters that are installed on this machine, and which comes nearest to a wish."""

import json
import sys

from msgspec import Struct
from packaging.specifiers import SpecifierSet
from packaging.version import Version

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
    """The interpreter for a wish, and a warning if none fits.

    Of those that fit, the daemon's own goes first, because it is there for sure, and then the
    newest, as with conda.

    Args:
        wanted: versions as pip writes them: "==3.12.*", ">=3.11,<3.13"; None for any.
        pythons: at least one, the daemon's first.
    """
    specifiers = SpecifierSet(wanted or "")
    fitting = [python for python in pythons if specifiers.contains(python.text)]
    if pythons[0] in fitting:
        return pythons[0], None
    if fitting:
        return max(fitting, key=lambda python: python.version), None
    best = min(pythons, key=lambda python: _distance(python.version, specifiers))
    return best, (
        f"expected Python {_shown(specifiers)}, which is not installed; the environment gets the "
        f"nearest one that is, {best.text} ({best.path})"
    )


def _distance(version: tuple[int, int, int], wanted: SpecifierSet) -> tuple[int, ...]:
    """From the nearest of the versions that the wish names."""
    named = [Version(one.version.removesuffix(".*")).release for one in wanted]
    return min(
        tuple(abs(have - want) for have, want in zip(version, one, strict=False)) for one in named
    )


def _shown(wanted: SpecifierSet) -> str:
    """As people say it: 3.12 rather than ==3.12.*."""
    return str(wanted).removeprefix("==").removesuffix(".*")
