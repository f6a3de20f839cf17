"""What `configure --defaults` and `account set` keep for later commands, in the user's home."""

import json
import os
from pathlib import Path

from router.cli.control_plane import USUAL_WORKSPACE, Workspace
from router.cli.files import read_json
from router.core.errors import BadRequest

FOLDER_VARIABLE = "TURNOUT_CONFIG_DIR"
KEYS = ("group", "workspace", "subscription")


def load() -> dict[str, str]:
    """What was kept; nothing if nothing ever was.

    Raises:
        BadRequest: the file holds something else.
    """
    path = _path()
    if not path.exists():
        return {}
    kept = read_json(path)
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise BadRequest(f"{path}: expected an object of texts, got {kept!r}. Delete the file.")
    return kept


def save(**changes: str) -> None:
    """Keeps these too; an empty text forgets its key."""
    kept = {key: value for key, value in {**load(), **changes}.items() if value}
    path = _path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n")


def workspace(subscription: str | None, group: str | None, name: str | None) -> Workspace:
    """The workspace that flags name, else what was kept, else the usual one."""
    kept, usual = load(), USUAL_WORKSPACE
    return Workspace(
        subscription or kept.get("subscription", usual.subscription),
        group or kept.get("group", usual.group),
        name or kept.get("workspace", usual.name),
    )


def _path() -> Path:
    folder = os.environ.get(FOLDER_VARIABLE)
    return (Path(folder) if folder else Path.home() / ".turnout") / "config.json"
