"""Conda files as they are sent: YAML in a string."""

import yaml

from router.core.errors import BadRequest

# PyYAML lets out whatever Python says of a value such as `!!int x` or 2001-99-99.
_YAML_ERRORS = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)


def parse_conda(text: str, key: str) -> dict[str, object]:
    """The keys and values of a conda file; what they mean is not known here.

    Args:
        key: where the text stands, for the message.

    Raises:
        BadRequest: it is no YAML, or anything but a mapping.
    """
    try:
        conda = yaml.safe_load(text)
    except _YAML_ERRORS as error:
        # What Python itself says of a value needs its kind to be understood.
        kind = "" if isinstance(error, yaml.YAMLError) else f"{type(error).__name__}: "
        raise BadRequest(
            f"expected a conda file as YAML, got: {kind}{error}, at `{key}`"
        ) from error
    if not isinstance(conda, dict):
        raise BadRequest(f"expected a conda file with keys and values, got {text!r}, at `{key}`")
    return conda
