"""The committed stubs are what scoring.proto says now."""

import filecmp
import importlib.util
from pathlib import Path

PROTO = Path(__file__).parents[2] / "proto"


def test_the_committed_stubs_are_fresh(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("generate", PROTO / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.generate(tmp_path)
    fresh = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*_pb2*"))
    assert len(fresh) == 4
    stale = [
        name for name in fresh if not filecmp.cmp(tmp_path / name, PROTO / name, shallow=False)
    ]
    assert not stale, f"run `make proto`: {stale}"
