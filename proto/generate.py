"""Generates the Python stubs of every .proto below a folder, beside the .proto files.

`make proto` writes them into proto/; tests/proto/test_stubs.py writes them into
a temporary folder and compares, so committed stubs cannot go stale.
"""

import importlib.resources
import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent


def generate(out_dir: Path) -> None:
    """Writes *_pb2.py, *_pb2_grpc.py and their .pyi files below ``out_dir``.

    Raises:
        RuntimeError: protoc refused a file; its message is on stderr.
    """
    sources = sorted(str(path) for path in ROOT.rglob("*.proto"))
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    # The plugins stand beside the interpreter, which need not be on the PATH.
    plugins = Path(sys.executable).parent
    arguments = [
        "protoc",
        f"--plugin={plugins / 'protoc-gen-mypy'}",
        f"--plugin={plugins / 'protoc-gen-mypy_grpc'}",
        f"--proto_path={ROOT}",
        f"--proto_path={well_known}",
        f"--python_out={out_dir}",
        f"--grpc_python_out={out_dir}",
        f"--mypy_out=quiet:{out_dir}",
        f"--mypy_grpc_out=quiet:{out_dir}",
        *sources,
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError(f"expected protoc to compile {sources}, got an error (see above)")


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
