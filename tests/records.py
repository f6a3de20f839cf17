"""Which processes a daemon says it runs: read from the records in its state folder.

Tests read them while the daemon writes and removes them, as processes come and go.
"""

import json
from pathlib import Path


def recorded_pids(state: Path, kind: str) -> dict[str, int]:
    """Of workers ("w") or instances ("i"), by the name of their record."""
    found: dict[str, int] = {}
    for record in (state / "run").glob(f"{kind}[0-9]*.json"):
        try:
            found[record.stem] = json.loads(record.read_bytes())["pid"]
        except FileNotFoundError:
            continue  # That process ended since the folder was listed.
    return found
