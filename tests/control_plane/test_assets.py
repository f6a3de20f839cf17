"""Copies of code and models: by content, whole, and independent of the original."""

import os
from pathlib import Path

import pytest

from router.control_plane.assets import Assets
from router.core.errors import BadRequest


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__/score.pyc").write_bytes(b"x")
    (folder / "score.py").write_text("def run(raw): return 1\n")
    return folder


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    return Assets(tmp_path / "assets")


def test_a_copy_keeps_its_name_and_leaves_caches_out(assets: Assets, code: Path) -> None:
    copy = Path(assets.stage_code(str(code), "score.py"))
    assert copy.name == "code"
    assert [path.name for path in copy.iterdir()] == ["score.py"]


def test_equal_content_has_one_copy_and_a_change_makes_another(
    assets: Assets, code: Path, tmp_path: Path
) -> None:
    first = assets.stage_code(str(code), "score.py")
    assert assets.stage_code(str(code), "score.py") == first
    (code / "score.py").write_text("def run(raw): return 2\n")
    second = assets.stage_code(str(code), "score.py")
    assert second != first
    assert "return 1" in Path(first, "score.py").read_text()
    assert len(list((tmp_path / "assets").iterdir())) == 2


def test_a_file_moved_to_another_name_is_another_content(assets: Assets, code: Path) -> None:
    (code / "a").write_text("same")
    first = assets.stage_code(str(code), "score.py")
    (code / "a").rename(code / "b")
    assert assets.stage_code(str(code), "score.py") != first


def test_a_copy_may_be_staged_again_and_stays_what_it_is(assets: Assets, code: Path) -> None:
    copy = assets.stage_code(str(code), "score.py")
    # As scripts do that write beside themselves.
    Path(copy, "cache.txt").write_text("x")
    assert assets.stage_code(copy, "score.py") == copy


def test_a_model_may_be_a_file_or_a_folder(assets: Assets, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "w.bin").write_bytes(b"w")
    assert Path(assets.stage_model(str(folder)), "w.bin").read_bytes() == b"w"
    copy = Path(assets.stage_model(str(folder / "w.bin")))
    assert (copy.name, copy.read_bytes()) == ("w.bin", b"w")


@pytest.mark.parametrize(
    ("path", "script", "message"),
    [
        ("relative", "score.py", r"absolute path, got 'relative', at `\$.code_configuration.code`"),
        ("/nowhere", "score.py", r"expected a folder, got '/nowhere'"),
        ("{code}/score.py", "score.py", "expected a folder"),
        ("{code}", "other.py", r"got 'other.py', at `\$.code_configuration.scoring_script`"),
        ("{code}", "../code/score.py/..", "expected a file in"),
        ("{code}", "../../etc/passwd", "expected a file in"),
    ],
)
def test_a_wrong_path_is_refused_by_its_name(
    assets: Assets, code: Path, tmp_path: Path, path: str, script: str, message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        assets.stage_code(path.format(code=code), script)
    assert not (tmp_path / "assets").exists()


def test_a_model_that_can_not_be_read_whole_leaves_no_copy(assets: Assets, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "link").symlink_to("/nowhere")
    with pytest.raises(BadRequest, match=r"expected to read .*weights.* at `\$.model.path`"):
        assets.stage_model(str(folder))
    assert list((tmp_path / "assets").iterdir()) == []


@pytest.mark.parametrize("model", ["/dev/zero", "/dev/null", "{tmp_path}/pipe", "/a\0b"])
def test_only_files_and_folders_are_models(assets: Assets, tmp_path: Path, model: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadRequest, match=r"expected a file or folder, got .*, at `\$.model.path`"):
        assets.stage_model(model.format(tmp_path=tmp_path))
    assert not (tmp_path / "assets").exists()


@pytest.mark.parametrize("target", ["/dev/zero", "{tmp_path}/pipe"])
def test_what_has_no_end_is_not_copied_out_of_a_folder_either(
    assets: Assets, code: Path, tmp_path: Path, target: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (code / "data").symlink_to(target.format(tmp_path=tmp_path))
    with pytest.raises(BadRequest, match=r"data is no regular file.*`\$.code_configuration.code`"):
        assets.stage_code(str(code), "score.py")
    assert list((tmp_path / "assets").iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 256, "x/" * 3000])
def test_a_path_too_long_for_the_system_is_refused(assets: Assets, code: Path, name: str) -> None:
    with pytest.raises(BadRequest, match=r"expected a file or folder, got .*`\$.model.path`"):
        assets.stage_model(f"/{name}")
    with pytest.raises(BadRequest, match=r"expected a folder, got .*`\$.code_configuration.code`"):
        assets.stage_code(f"/{name}", "score.py")
    with pytest.raises(BadRequest, match="expected a file in"):
        assets.stage_code(str(code), name)


def test_what_was_left_half_copied_is_removed_at_the_next_start(
    assets: Assets, code: Path, tmp_path: Path
) -> None:
    whole = Path(assets.stage_code(str(code), "score.py"))
    root = whole.parent.parent
    (root / "new-1234" / "model").mkdir(parents=True)
    Assets(root)
    assert list(root.iterdir()) == [whole.parent]
