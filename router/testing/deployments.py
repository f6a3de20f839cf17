"""What a test can deploy besides a YAML file: a scoring script alone, or a scripted behaviour.

Either becomes a YAML file in Azure's format, and is then deployed like anybody's.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SCORING_SCRIPT = "score.py"
# Copied, never imported: it is at home in an instance only.
SCRIPTED = Path(__file__).parent / "scripted_score.py"


@dataclass(frozen=True)
class Script:
    """A scoring script of yours, without a YAML file.

    Attributes:
        name: the deployment's.
        path: the script; the files beside it come along.
        model: its file or folder; it is at AZUREML_MODEL_DIR, as ever.
        settings: further keys as in a deployment's YAML, e.g. ``{"instance_count": 2}``.
    """

    name: str
    path: Path | str
    model: Path | str | None = None
    settings: Mapping[str, Any] | None = None

    def write(self, folder: Path) -> Path:
        """The YAML file of it, written into ``folder``."""
        script = Path(self.path).resolve()
        keys = {
            "code_configuration": {"code": str(script.parent), "scoring_script": script.name},
            "request_settings": {"max_concurrent_requests_per_instance": 100},
            **({"model": {"path": str(Path(self.model).resolve())}} if self.model else {}),
            **(self.settings or {}),
        }
        return _write_yaml(folder, self.name, keys)


@dataclass(frozen=True)
class Scripted:
    """A deployment that behaves as told, in real instances; requests count in each from 1.

    Attributes:
        name: the deployment's.
        body: of its answers: a text as it is, else JSON; its name (as JSON) if None.
        status: the model's own; clients see 424 for any but 200.
        latency_ms: how long ``run()`` takes.
        error_percent: so many of its answers have the status 500, evenly spread: 10 is every
            tenth.
        crash_at: at which request its process ends.
        hang_at: which request it never answers, nor any later one.
        init_error: what ``init()`` raises.
        cold_start_s: how long ``init()`` takes.
        instance_count: processes to start.
        request_timeout_ms: after which clients get 408.
        settings: further keys as in a deployment's YAML.
    """

    name: str
    body: object = None
    status: int = 200
    latency_ms: float = 0
    error_percent: float = 0
    crash_at: int | None = None
    hang_at: int | None = None
    init_error: str | None = None
    cold_start_s: float = 0
    instance_count: int = 1
    request_timeout_ms: int = 5000
    settings: Mapping[str, Any] | None = None

    def write(self, folder: Path) -> Path:
        """The YAML file of it, written into ``folder`` with its script."""
        code = folder / f"{self.name}-code"
        pids = pids_path(folder, self.name)
        for made in (code, pids):
            made.mkdir(exist_ok=True)
        shutil.copyfile(SCRIPTED, code / SCORING_SCRIPT)
        behaviour = {
            "body": {"deployment": self.name} if self.body is None else self.body,
            "faults_path": str(faults_path(folder, self.name)),
            "pids_path": str(pids),
            **{
                key: getattr(self, key)
                for key in (
                    *("status", "latency_ms", "error_percent", "crash_at", "hang_at"),
                    *("init_error", "cold_start_s"),
                )
            },
        }
        (code / "behaviour.json").write_text(json.dumps(behaviour))
        keys = {
            "code_configuration": {"code": str(code), "scoring_script": SCORING_SCRIPT},
            "instance_count": self.instance_count,
            "request_settings": {
                "max_concurrent_requests_per_instance": 100,
                "request_timeout_ms": self.request_timeout_ms,
            },
            **(self.settings or {}),
        }
        return _write_yaml(folder, self.name, keys)


def faults_path(folder: Path, name: str) -> Path:
    """Where a Scripted deployment, written into ``folder``, looks for what befell it."""
    return folder / f"{name}-faults.json"


def pids_path(folder: Path, name: str) -> Path:
    """Where its processes leave a file each, named by their pid."""
    return folder / f"{name}-pids"


def _write_yaml(folder: Path, name: str, keys: Mapping[str, Any]) -> Path:
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump({"name": name, **keys}))
    return path
