"""A conda file as what pip understands: which Python, which packages, which pins. Pure.

Conda's own rules for versions hold: `=1.2` takes any 1.2.x, `==1.2` and `=1.2=build` that
version alone, `>=1,<2` is the same in both worlds.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from router.control_plane.environments.names import NOT_ON_PYPI, PYPI_NAMES
from router.core.errors import BadRequest

KEYS = ("name", "channels", "dependencies", "variables", "prefix")
AT = "$.conda_file"

_PACKAGE = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<version>[^\[\]#]*)")
_FUZZY = re.compile(r"=(?P<version>[\w.+]+?)(?:\.?\*)?(?P<build>=[^=\s]+)?")
_EXACT = re.compile(r"(?:==|)(?P<version>[\w.+]+)(?:[= ]\S+)?")
_STARRED = re.compile(r"(?P<version>[\w.+]+)\.\*")
_RANGE = r"\s*(?:>=|<=|>|<|!=|==|~=)\s*[\w.+*]+\s*"
_RANGES = re.compile(f"{_RANGE}(?:,{_RANGE})*")
_PYTHON = re.compile(r"\d+(?:\.\d+)*")


class Recipe(Struct, frozen=True, kw_only=True):
    """What an environment is made of.

    Attributes:
        python: the version wanted, as far as it was given: "3", "3.12", "3.12.4"; None for any.
        requirements: in pip's words, sorted.
        dropped: packages of conda that are no Python packages.
    """

    python: str | None
    requirements: tuple[str, ...]
    dropped: tuple[str, ...]


def read(conda: Mapping[str, object]) -> Recipe:
    """The recipe that a conda file describes.

    Raises:
        BadRequest: an entry that can't be understood, with its place.
    """
    for key in conda:
        if key not in KEYS:
            raise BadRequest(f"expected one of {', '.join(KEYS)}, got the key `{key}`, at `{AT}`")
    entries = conda.get("dependencies") or []
    if not isinstance(entries, list):
        raise BadRequest(f"expected a list, got {entries!r}, at `{AT}.dependencies`")
    python: str | None = None
    requirements: set[str] = set()
    dropped: list[str] = []
    for index, entry in enumerate(entries):
        at = f"{AT}.dependencies[{index}]"
        if isinstance(entry, Mapping):
            requirements.update(_pip(entry, at))
            continue
        name, version = _package(entry, at)
        if name == "python":
            python = _python(version, at)
        elif name in NOT_ON_PYPI:
            dropped.append(name)
        elif name != "pip":
            requirements.add(PYPI_NAMES.get(name, name) + _pin(version, at))
    return Recipe(python=python, requirements=tuple(sorted(requirements)), dropped=tuple(dropped))


def _package(entry: object, at: str) -> tuple[str, str]:
    match = _PACKAGE.fullmatch(entry.strip()) if isinstance(entry, str) else None
    if match is None:
        raise BadRequest(f"expected a package such as numpy=2.3.1, got {entry!r}, at `{at}`")
    return match["name"].lower(), match["version"].strip()


def _pin(version: str, at: str) -> str:
    """The version part of a requirement."""
    if version in {"", "*", "=*"}:
        return ""
    if match := _FUZZY.fullmatch(version):
        return f"=={match['version']}" if match["build"] else f"=={match['version']}.*"
    if match := _STARRED.fullmatch(version):
        return f"=={match['version']}.*"
    if match := _EXACT.fullmatch(version):
        return f"=={match['version']}"
    if _RANGES.fullmatch(version):
        return version.replace(" ", "")
    raise BadRequest(f"expected a version such as =2.3.1 or >=2,<3, got {version!r}, at `{at}`")


def _python(version: str, at: str) -> str | None:
    pin = _pin(version, at)
    match = _PYTHON.search(pin)
    return match[0] if match else None


def _pip(entry: Mapping[object, object], at: str) -> list[str]:
    """The requirements of `- pip: [...]`, as they are."""
    if list(entry) != ["pip"]:
        raise BadRequest(f"expected a package or `pip:`, got {dict(entry)!r}, at `{at}`")
    lines = entry["pip"] or []
    if not isinstance(lines, list):
        raise BadRequest(f"expected a list, got {lines!r}, at `{at}.pip`")
    for index, line in enumerate(lines):
        # Files would be looked for on the daemon's side; indexes are the machine's settings.
        if not isinstance(line, str) or not line.strip() or line.lstrip().startswith("-"):
            raise BadRequest(
                f"expected a requirement such as joblib==1.5, and no option of pip, got {line!r}, "
                f"at `{at}.pip[{index}]`"
            )
    return [line.strip() for line in lines]
