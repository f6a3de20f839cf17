"""Assets: copies of code folders and models, by their content.

A deployment runs from its copy, so that editing the original changes nothing until the
next update, and a restart finds what was declared. ``assets/<sha256>/<name>`` keeps the
name, because scripts rely on it (azure.md 1.2).
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from msgspec.structs import replace

from router.control_plane.asset_references import is_reference
from router.control_plane.system_errors import refused_by_system
from router.core.deployment_spec import DeploymentSpec, Model
from router.core.errors import BadRequest

_SKIPPED = "__pycache__"
# No digest begins so.
_HALF = "new-"
_CHUNK_BYTES = 1 << 20


class Assets:
    """The folder of copies. Calls read and copy files, so they may take a while.

    What a daemon that ended left half copied is removed when this is made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        for half in self._root.glob(f"{_HALF}*"):
            shutil.rmtree(half, ignore_errors=True)

    def stage(self, spec: DeploymentSpec) -> DeploymentSpec:
        """The spec with the paths of copies of its code and model.

        Raises:
            BadRequest: as ``stage_code`` and ``stage_model``.
        """
        code = spec.code_configuration
        staged = self.stage_code(code.code, code.scoring_script)
        spec = replace(spec, code_configuration=replace(code, code=staged))
        if spec.model is None:
            return spec
        assert isinstance(spec.model, Model), "references are resolved before"
        return replace(spec, model=replace(spec.model, path=self.stage_model(spec.model.path)))

    def stage_code(self, code: str, scoring_script: str) -> str:
        """The path of a copy of the folder ``code``.

        Whether the script is Python is the client's to check, as with Azure (azure.md 3.4):
        the environment's Python may know more than this one.

        Args:
            code: absolute path; of a copy made before, too.
            scoring_script: the script's path in that folder.

        Raises:
            BadRequest: no such folder or script, or not readable.
        """
        return str(self._stage(_code(code, scoring_script), "$.code_configuration.code"))

    def stage_model(self, model: str) -> str:
        """The path of a copy of the file or folder ``model``.

        Raises:
            BadRequest: it is not there, or not readable.
        """
        return self.stage_asset(model, is_folder=False, key="$.model.path")

    def stage_asset(self, path: str, *, is_folder: bool, key: str) -> str:
        """The path of a copy of what is to be registered.

        Args:
            path: absolute.
            is_folder: whether a file won't do.
            key: where the path stands, for the message.

        Raises:
            BadRequest: it is not there, or not readable.
        """
        return str(self._stage(_asset(path, is_folder=is_folder, key=key), key))

    def _stage(self, path: Path, key: str) -> Path:
        if path.parent.parent == self._root:
            return path
        try:
            return self._copy(path)
        except OSError as error:
            if (known := refused_by_system(error)) is not None:
                raise known from error
            raise BadRequest(f"expected to read {path}, got: {error}, at `{key}`") from error

    def _copy(self, path: Path) -> Path:
        """Copies first and names the copy by what it holds: the original may change meanwhile."""
        self._root.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=_HALF, dir=self._root))
        try:
            copy = work / path.name
            if path.is_dir():
                ignore = shutil.ignore_patterns(_SKIPPED)
                shutil.copytree(path, copy, ignore=ignore, copy_function=_copy_file)
            else:
                _copy_file(path, copy)
            _sync(copy)
            final = self._root / _digest(copy)
            if not final.exists():
                work.rename(final)
            return final / path.name
        finally:
            shutil.rmtree(work, ignore_errors=True)


def check_paths(spec: DeploymentSpec) -> None:
    """Refuses code and a model that ``stage`` would refuse, references aside; copies nothing.

    Raises:
        BadRequest: as ``stage``.
    """
    code = spec.code_configuration
    if not is_reference(code.code):
        _code(code.code, code.scoring_script)
    model = spec.model.path if isinstance(spec.model, Model) else spec.model
    if model is not None and not is_reference(model):
        _asset(model, is_folder=False, key="$.model")


def _code(code: str, scoring_script: str) -> Path:
    path = _absolute(code, "$.code_configuration.code")
    if not S_ISDIR(_mode(path)):
        raise BadRequest(f"expected a folder, got {code!r}, at `$.code_configuration.code`")
    _check_script(path, scoring_script)
    return path


def _asset(path: str, *, is_folder: bool, key: str) -> Path:
    found = _absolute(path, key)
    if is_folder and not S_ISDIR(_mode(found)):
        raise BadRequest(f"expected a folder, got {path!r}, at `{key}`")
    if not _is_copyable(found):
        raise BadRequest(f"expected a file or folder, got {path!r}, at `{key}`")
    return found


def _absolute(text: str, key: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise BadRequest(f"expected an absolute path, got {text!r}, at `{key}`")
    return Path(os.path.normpath(path))


def _check_script(code: Path, scoring_script: str) -> None:
    key = "$.code_configuration.scoring_script"
    script = Path(os.path.normpath(code / scoring_script))
    if not script.is_relative_to(code) or not S_ISREG(_mode(script)):
        raise BadRequest(f"expected a file in {code}, got {scoring_script!r}, at `{key}`")


def _mode(path: Path) -> int:
    """What kind of file it is, as stat says it; 0 for none, also if none can have such a name."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _is_copyable(path: Path) -> bool:
    """Whether it is a folder or a regular file: devices may have no end, pipes no beginning."""
    mode = _mode(path)
    return S_ISDIR(mode) or S_ISREG(mode)


def _copy_file(source: str | Path, target: str | Path) -> None:
    if not _is_copyable(Path(source)):
        raise OSError(f"{source} is no regular file")
    shutil.copy2(source, target)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from sorted(found for found in path.rglob("*") if found.is_file())


def _digest(path: Path) -> str:
    """SHA-256 over names, lengths and contents, so that no two trees look alike."""
    digest = hashlib.sha256()
    for file in _files(path):
        name = os.fsencode(file.relative_to(path.parent))
        digest.update(len(name).to_bytes(8, "big") + name)
        digest.update(file.stat().st_size.to_bytes(8, "big"))
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    """Brings the copy to disk before anything names it."""
    for file in _files(path):
        with file.open("rb") as content:
            os.fsync(content.fileno())
