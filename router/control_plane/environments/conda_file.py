"""A conda file as what pip understands: which Python, which packages, which pins. Pure.

Conda's own rules for versions hold: `=1.2` takes any 1.2.x, `==1.2` and `=1.2=build` that
version alone, `>=1,<2` is the same in both worlds.
"""

import re
from collections.abc import Mapping

from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from router.control_plane.environments.names import NOT_ON_PYPI, PYPI_NAMES
from router.control_plane.environments.pip_lines import check_pip_line
from router.core.errors import BadRequest

KEYS = ("name", "channels", "dependencies", "variables", "prefix")
AT = "$.conda_file"

_PACKAGE = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<version>[^\[\]#]*)")
_FUZZY = re.compile(r"=(?P<version>[\w.+]+?)(?:\.?\*)?(?P<build>=[^=\s]+)?")
_EXACT = re.compile(r"(?:==|)(?P<version>[\w.+]+)(?:[= ]\S+)?")
_STARRED = re.compile(r"(?:==)?(?P<version>[\w.+]+)\.\*(?:[= ]\S+)?")
_UNEQUAL = re.compile(r"!=[\w.+]+?(?:\.\*)?")
# Conda ignores a star behind an order; pip knows it behind `==` and `!=` only.
_ORDER = re.compile(r"(?P<pin>(?:>=|<=|>|<|~=)[\w.+]+?)(?:\.?\*)?")
_SPACES = re.compile(r"(?<=[=<>!~])\s+")


class Recipe(Struct, frozen=True, kw_only=True):
    """What an environment is made of.

    Attributes:
        python: the versions wanted, in pip's words: "==3.12.*", ">=3.11,<3.13"; None for any.
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
    """The version part of a requirement: what stands between conda's commas, each by itself."""
    if not version:
        return ""
    pins = [_one_pin(_SPACES.sub("", one).strip()) for one in version.split(",")]
    if None in pins:
        raise BadRequest(f"expected a version such as =2.3.1 or >=2,<3, got {version!r}, at `{at}`")
    return ",".join(pin for pin in pins if pin)


def _one_pin(one: str) -> str | None:
    """None for what can't be understood."""
    if one in {"*", "=*"}:
        return ""
    if match := _FUZZY.fullmatch(one):
        return f"=={match['version']}" if match["build"] else f"=={match['version']}.*"
    if match := _STARRED.fullmatch(one):
        return f"=={match['version']}.*"
    if match := _EXACT.fullmatch(one):
        return f"=={match['version']}"
    if match := _ORDER.fullmatch(one):
        return match["pin"]
    return one if _UNEQUAL.fullmatch(one) else None


def _python(version: str, at: str) -> str | None:
    pin = _pin(version, at)
    try:
        SpecifierSet(pin)
    except InvalidSpecifier:
        raise BadRequest(
            f"expected a version of Python such as =3.12 or >=3.11,<3.14, got {version!r}, at "
            f"`{at}`"
        ) from None
    return pin or None


def _pip(entry: Mapping[object, object], at: str) -> list[str]:
    """The requirements of `- pip: [...]`, as they are."""
    if list(entry) != ["pip"]:
        raise BadRequest(f"expected a package or `pip:`, got {dict(entry)!r}, at `{at}`")
    lines = entry["pip"] or []
    if not isinstance(lines, list):
        raise BadRequest(f"expected a list, got {lines!r}, at `{at}.pip`")
    return [check_pip_line(line, f"{at}.pip[{index}]") for index, line in enumerate(lines)]
