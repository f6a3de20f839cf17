"""The blob store: where Azure's clients put the files of code and models (azure.md 8.4, 8.5).

On disk only; how Azure's storage clients speak to it over HTTP is in blobs_api.py. A
container is a folder: ``files/`` has the blobs under their names, ``about/`` what else is
known of each, ``blocks/`` the parts of what is not put together yet, ``new/`` what is still
arriving, ``token`` what opens the container.
"""

import hashlib
import hmac
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from router.control_plane.files import write_atomically
from router.core.errors import BadRequest, Conflict, ResourceNotFound

# The path of the blob store's own, before container and name.
BLOBS = "blobs"
# The container of the datastore that every workspace has.
DEFAULT_DATASTORE = "workspaceblobstore"
DEFAULT_CONTAINER = "azureml-blobstore"

TOKEN_BYTES = 32
PART_NAME_BYTES_MAX = 255
# Azure's limit is 1,024 characters; the system's, for the whole path, 4,096 bytes.
NAME_BYTES_MAX = 2048
_CHUNK_BYTES = 1 << 20
# Below a container: what arrives, until it is whole.
_NEW = "new"
_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")


class Blob(Struct, frozen=True, kw_only=True):
    """A blob that is there."""

    path: Path
    size_bytes: int
    modified_ns: int
    metadata: dict[str, str]


class Blobs:
    """All containers, below ``root``. Calls read and write files, so they may take a while.

    What was arriving when a former daemon ended is removed when this is made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        # Calls come from several threads; held while names change, never while bytes are copied.
        self._changing = threading.Lock()
        for half in self._root.glob(f"*/{_NEW}/*"):
            half.unlink()

    def new_container(self) -> str:
        """The name of a container that nobody else has.

        Each code asset needs its own: a client that finds its file names in a container takes
        what is there for its own upload (azure.md 8.5).
        """
        return f"code-{secrets.token_hex(16)}"

    def token(self, container: str) -> str:
        """What opens the container, which is made by need; the same at every call."""
        path = self._container(container) / "token"
        try:
            return path.read_text()
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, secrets.token_urlsafe(TOKEN_BYTES).encode())
            return path.read_text()

    def opens(self, container: str, token: str) -> bool:
        """Whether ``token`` opens the container; takes as long for any wrong one."""
        try:
            expected = (self._container(container) / "token").read_bytes()
        except (BadRequest, FileNotFoundError):
            expected = secrets.token_bytes(TOKEN_BYTES)
        return hmac.compare_digest(expected, token.encode())

    def find(self, container: str, name: str) -> Blob | None:
        """The blob, or None."""
        path = self._file(container, name)
        if not path.is_file():
            return None
        found = path.stat()
        about = self._about(container, name)
        metadata: dict[str, str] = (
            msgspec.json.decode(about.read_bytes(), type=dict[str, str]) if about.exists() else {}
        )
        return Blob(
            path=path,
            size_bytes=found.st_size,
            modified_ns=found.st_mtime_ns,
            metadata=metadata,
        )

    def new_file(self, container: str) -> Path:
        """An empty file for what arrives; goes to ``put`` or ``put_block``."""
        folder = self._container(container) / _NEW
        folder.mkdir(exist_ok=True)
        descriptor, path = tempfile.mkstemp(dir=folder)
        os.close(descriptor)
        return Path(path)

    def put(self, container: str, name: str, content: Path, metadata: Mapping[str, str]) -> Blob:
        """Makes a complete new file the blob of this name, in place of one that is there.

        Raises:
            Conflict: the name is a folder of other names, or has a blob for a folder.
        """
        path = self._file(container, name)
        _sync(content)
        with self._changing:
            # First, for a crash to leave no new content under an old word that it is complete.
            self._about(container, name).unlink(missing_ok=True)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                content.replace(path)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise Conflict(
                    f"expected names of blobs that can be files in folders, got {name!r} beside "
                    f"a blob that is a part of this name, or that this name is a part of"
                ) from error
            self._set_metadata(container, name, metadata)
            shutil.rmtree(self._blocks(container, name), ignore_errors=True)
        return self.get(container, name)

    def get(self, container: str, name: str) -> Blob:
        """The blob.

        Raises:
            ResourceNotFound: there is none.
        """
        blob = self.find(container, name)
        if blob is None:
            raise ResourceNotFound(f"expected the name of a blob in {container}, got {name!r}")
        return blob

    def set_metadata(self, container: str, name: str, metadata: Mapping[str, str]) -> Blob:
        """Replaces what is known of the blob; errors as ``get``."""
        self.get(container, name)
        with self._changing:
            self._set_metadata(container, name, metadata)
        return self.get(container, name)

    def put_block(self, container: str, name: str, block_id: str, content: Path) -> None:
        """Keeps a complete new file as a block of the blob, until ``put_blocks`` names it."""
        folder = self._blocks(container, name)
        with self._changing:
            folder.mkdir(parents=True, exist_ok=True)
            content.replace(folder / _hex(block_id))

    def blocks_bytes(self, container: str, name: str) -> int:
        """What the blocks of a blob take that is not put together yet."""
        folder = self._blocks(container, name)
        return sum(block.stat().st_size for block in folder.iterdir()) if folder.is_dir() else 0

    def put_blocks(
        self, container: str, name: str, block_ids: Iterable[str], metadata: Mapping[str, str]
    ) -> Blob:
        """Makes the blob of its blocks, in this order.

        Raises:
            BadRequest: a block is not there. The others stay.
            Conflict: as ``put``.
        """
        folder = self._blocks(container, name)
        content = self.new_file(container)
        try:
            with content.open("wb") as whole:
                for block_id in block_ids:
                    _append(folder / _hex(block_id), whole, block_id)
            return self.put(container, name, content, metadata)
        finally:
            content.unlink(missing_ok=True)

    def existing(self, container: str, name: str) -> Path | None:
        """The file or folder of blobs of this name, or None.

        A code asset of a single file lies in its container's root, "." (azure.md 8.4).
        """
        name = name.strip("/")
        path = self._files(container) if name in {"", "."} else self._file(container, name)
        return path if path.exists() else None

    def _container(self, name: str) -> Path:
        if not _CONTAINER.fullmatch(name):
            raise BadRequest(f"expected the name of a container, got {name!r}")
        return self._root / name

    def _files(self, container: str) -> Path:
        return self._container(container) / "files"

    def _file(self, container: str, name: str) -> Path:
        parts = name.split("/")
        if any(_is_no_file_name(part) for part in parts):
            raise BadRequest(
                f"expected the name of a blob as a path, without empty parts, `.` or `..`, got "
                f"{name!r}"
            )
        if (size_bytes := len(os.fsencode(name))) > NAME_BYTES_MAX:
            raise BadRequest(
                f"expected the name of a blob of at most {NAME_BYTES_MAX} bytes, got {size_bytes}"
            )
        return self._files(container).joinpath(*parts)

    def _about(self, container: str, name: str) -> Path:
        return self._container(container) / "about" / f"{_hex(name)}.json"

    def _blocks(self, container: str, name: str) -> Path:
        return self._container(container) / "blocks" / _hex(name)

    def _set_metadata(self, container: str, name: str, metadata: Mapping[str, str]) -> None:
        path = self._about(container, name)
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, msgspec.json.encode(dict(metadata)))


def _is_no_file_name(part: str) -> bool:
    return part in {"", ".", ".."} or "\0" in part or len(os.fsencode(part)) > PART_NAME_BYTES_MAX


def _hex(text: str) -> str:
    """A file name for any text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _append(block: Path, whole: IO[bytes], block_id: str) -> None:
    try:
        with block.open("rb") as source:
            shutil.copyfileobj(source, whole, _CHUNK_BYTES)
    except FileNotFoundError:
        raise BadRequest(f"expected a block that was put before, got {block_id!r}") from None


def _sync(path: Path) -> None:
    """Brings the file to disk before the answer says that it is there."""
    with path.open("rb") as content:
        os.fsync(content.fileno())
