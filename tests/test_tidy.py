"""House style that ruff does not check: sizes, opening words, index addresses, one word a thing."""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# A word to avoid, and what to say instead (DESIGN.md, "Words").
BANNED_IN_CODE = {
    r"\breplicas?\b": "instance",
    r"\bsubprocess\.run\([^)]*shell=True": "a list of arguments",
    r"\btime\.time\(\)": "time.monotonic_ns(), or datetime for people",
}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def python_files() -> list[Path]:
    return [path for path in tracked("*.py") if "_pb2" not in path.name]


def test_no_file_and_no_function_has_outgrown_one_idea() -> None:
    for path in python_files():
        text = path.read_text()
        assert len(text.splitlines()) <= LINES_MAX, f"{path}: split it where there are two ideas"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno
                assert length <= FUNCTION_LINES_MAX, f"{path}:{node.lineno} {node.name}"


def test_every_file_opens_with_what_lives_in_it() -> None:
    for path in python_files():
        tree = ast.parse(path.read_text())
        if tree.body:
            assert ast.get_docstring(tree), f"{path} has no opening docstring"


def test_banned_words_have_their_replacement_in_use() -> None:
    for path in python_files():
        if path == Path(__file__):
            continue
        for pattern, instead in BANNED_IN_CODE.items():
            found = re.search(pattern, path.read_text())
            assert not found, f"{path}: {found and found[0]!r}; say or use {instead}"


def test_the_lock_file_has_hashes_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"index-url|https?://|file:", lock)
    pinned = re.findall(r"^\S+==\S+", lock, re.MULTILINE)
    assert pinned
    assert lock.count("--hash=sha256:") >= len(pinned)
