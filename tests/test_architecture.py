"""The import table of DESIGN.md ("The shape"), and the purity of the core, kept true."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"router", "runtime", "sim", "turnout", "loadtests"}

# Folder to what it may import of ours, itself aside. router/yaml_files.py reads users' YAML
# files for all who take them, so that a path or a message is understood alike everywhere.
MAY_IMPORT = {
    "router/core": set(),
    "router/data_plane": {"router.core", "turnout"},
    "router/control_plane": {"router.core", "router.yaml_files", "turnout"},
    # The demo is a rollout by the harness that users test theirs with.
    "router/cli": {"router.core", "router.testing", "router.yaml_files"},
    # A client of the `turnout` command and of HTTP. Plans have the words of `turnout simulate`.
    "router/testing": {"router.core", "router.yaml_files", "sim"},
    "runtime": {"turnout"},
    "sim": {"router.core", "router.yaml_files"},
    "loadtests": set(),
    "proto": set(),
}
# The command that starts the daemon is where a client of it becomes it.
EXCEPTIONS = {("router/cli/serve.py", "router.control_plane.daemon")}

CORE_MAY_IMPORT = set(sys.stdlib_module_names) | {"msgspec", "router"}
CORE_MUST_NOT_IMPORT = {
    "asyncio", "concurrent", "os", "pathlib", "secrets", "select", "shutil", "signal", "socket",
    "sqlite3", "subprocess", "tempfile", "threading", "time",
}  # fmt: skip


# The time of day may jump: it is for people, and for what tokens say of their end. Everything
# else counts on the monotonic clock.
MAY_ASK_THE_TIME_OF_DAY = {
    "router/control_plane/daemon_metrics.py",
    "router/control_plane/records.py",
    "router/control_plane/tls.py",
    "router/control_plane/tokens.py",
    "router/data_plane/journal_file.py",
    "router/data_plane/tokens.py",
    "router/data_plane/traffic_log.py",
    "runtime/logs.py",
}
# The time of day, and what is counted from it: when processes began, when files were changed.
_OF_THE_DAY = re.compile(
    r"\btime\.(time|time_ns|localtime|gmtime|ctime|strftime)\b"
    r"|CLOCK_REALTIME|\.create_time\b|\.boot_time\b|\bgetmtime\b|\bst_[acm]time\b"
)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: expected absolute imports, got a relative one"
            yield node.module or ""


def sources(folder: str) -> list[Path]:
    found = [p for p in (ROOT / folder).rglob("*.py") if "_pb2" not in p.name]
    assert found, f"no Python files in {folder}"
    return found


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_each_folder_imports_only_what_the_design_allows(folder: str) -> None:
    own = folder.replace("/", ".")
    allowed = {own, *MAY_IMPORT[folder]}
    for path in sources(folder):
        for name in imports(path):
            if name.split(".")[0] not in OURS:
                continue
            if (str(path.relative_to(ROOT)), name) in EXCEPTIONS:
                continue
            fits = any(name == prefix or name.startswith(prefix + ".") for prefix in allowed)
            assert fits, f"{path.relative_to(ROOT)} imports {name}; allowed: {sorted(allowed)}"


def test_the_simulators_checkers_share_no_code_with_anything() -> None:
    for path in sources("sim/checkers"):
        for name in imports(path):
            own = name == "sim.checkers" or name.startswith("sim.checkers.")
            assert own or name in sys.stdlib_module_names or name.startswith("collections."), (
                f"{path.name} imports {name}"
            )


def test_the_core_imports_the_standard_library_and_msgspec_only() -> None:
    for path in sources("router/core"):
        for name in imports(path):
            top = name.split(".")[0]
            assert top in CORE_MAY_IMPORT, f"{path.name} imports {name}"
            assert top not in CORE_MUST_NOT_IMPORT, f"{path.name} imports {name}: not pure"


def test_the_core_has_no_coroutine_and_uses_no_global_randomness() -> None:
    for path in sources("router/core"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{path.name} awaits"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = f"{node.value.id}.{node.attr}"
                assert not used.startswith("random.") or used == "random.Random", (
                    f"{path.name}:{node.lineno} uses {used}; take a generator as an argument"
                )


def test_no_deadline_delay_or_timeout_depends_on_the_time_of_day() -> None:
    folders = ("router/core", "router/data_plane", "router/control_plane", "runtime")
    for path in (path for folder in folders for path in sources(folder)):
        name = str(path.relative_to(ROOT))
        if name not in MAY_ASK_THE_TIME_OF_DAY:
            assert "datetime" not in set(imports(path)), f"{name}: expected a monotonic clock"
            found = _OF_THE_DAY.search(path.read_text())
            assert not found, f"{name}: {found and found[0]}; expected a monotonic clock"
