"""How people and Azure's clients name a registered asset (azure.md 2.2, 8.4). Pure.

What a name stands for is registry.py's to find.
"""

import re

from msgspec import Struct

from router.control_plane.asset_records import Kind
from router.core.errors import BadRequest

NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9_.-]{0,254}"
LATEST = "latest"
# Environments that Microsoft publishes; Azure knows them by this prefix.
CURATED_PREFIX = "AzureML-"

_PREFIXES = ("azureml:", "/subscriptions/")
_REGISTRY = "azureml://registries/"
_WORKSPACE = (
    r"(?:(?:azureml:)?/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
    r"Microsoft\.MachineLearningServices/workspaces/[^/]+"
    r"|azureml://locations/[^/]+/workspaces/[^/]+)"
)
_LONG = re.compile(
    f"{_WORKSPACE}/(?P<kind>codes|models|environments)/(?P<name>{NAME_PATTERN})/"
    f"(?:versions/(?P<version>{NAME_PATTERN})|labels/(?P<label>[^/]+))",
    re.IGNORECASE,
)
_SHORT = re.compile(
    f"(?:azureml:)?(?!azureml:)(?P<name>{NAME_PATTERN})"
    f"(?::(?P<version>{NAME_PATTERN})|(?:@|/labels/)(?P<label>[^/]+))"
)


class Reference(Struct, frozen=True):
    """A name with a version; without one, the latest is meant."""

    name: str
    version: str | None


def is_reference(text: str) -> bool:
    """Whether ``text`` is meant to name a registered asset, rather than a path."""
    return text.lower().startswith(_PREFIXES) or _SHORT.fullmatch(text) is not None


def is_in_registry(reference: str) -> bool:
    """Whether it names something in one of Azure's registries, which are not reached from here."""
    return reference.startswith(_REGISTRY)


def parse_reference(kind: Kind, reference: str, key: str) -> Reference:
    """What a reference in one of Azure's forms names.

    Those are the id of a resource, with or without ``azureml:`` before it, and
    ``azureml:name:version``, ``azureml:name@latest`` and ``azureml:name/labels/latest``,
    for which ``azureml:`` may be left out.

    Args:
        key: where it stands, for the message.

    Raises:
        BadRequest: it has none of these forms, names another kind, or a label but ``latest``.
    """
    match = _LONG.fullmatch(reference) or _SHORT.fullmatch(reference)
    if match is None:
        raise BadRequest(
            f"expected `azureml:NAME:VERSION`, `azureml:NAME@latest` or the id of one of the "
            f"{kind}, got {reference!r}, at `{key}`"
        )
    found = match.groupdict()
    if found.get("kind", kind).lower() != kind:
        raise BadRequest(
            f"expected one of the {kind}, got {reference!r}, one of the {found['kind']}, at `{key}`"
        )
    if found["label"] not in {None, LATEST}:
        raise BadRequest(
            f"expected the label {LATEST!r}, got {found['label']!r} in {reference!r}, at `{key}`"
        )
    return Reference(found["name"], found["version"])
