"""Reads the JSON files that commands name; whatever is wrong with one is said in one line.

YAML files are router.yaml_files's, which the daemon shares.
"""

import json
from pathlib import Path

from router.core.errors import BadRequest
from router.yaml_files import read_bytes


def read_json(path: Path) -> object:
    """The value that a JSON file holds.

    Raises:
        BadRequest: there is no such file, or it is not JSON.
    """
    text = read_bytes(path)
    try:
        return json.loads(text)
    except UnicodeDecodeError:
        raise BadRequest(f"{path}: expected JSON, got bytes that are not UTF-8") from None
    except json.JSONDecodeError as error:
        got = (
            f"{error.msg} (line {error.lineno}, column {error.colno})" if text else "an empty file"
        )
        raise BadRequest(f"{path}: expected JSON, got {got}") from None
