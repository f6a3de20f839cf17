"""The state folder: where everything is that must outlive a process.

Only paths and access rights; what is in the files belongs to their writers.
"""

import fcntl
import os
from pathlib import Path
from typing import IO

from router.core.errors import Conflict, TurnoutError

# sun_path of sockaddr_un, less its terminating zero.
SOCKET_PATH_BYTES_MAX = 107
_LONGEST_SOCKET_NAME = "i9999999999.sock"


class StateFolder:
    """Paths in the state folder, which belongs to one control plane at a time.

    ``run/`` holds sockets and process records, ``logs/`` what processes print,
    ``assets/`` copies of code and models, ``uploads/`` what clients sent of them, ``tls/`` the
    certificate.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.database = self.root / "state.db"
        self.run = self.root / "run"
        self.logs = self.root / "logs"
        self.assets = self.root / "assets"
        self.uploads = self.root / "uploads"
        self.tls = self.root / "tls"
        self.environments = self.root / "environments"
        self.daemon_record = self.run / "daemon.json"

    def create(self) -> None:
        """Makes the folders, for this user only.

        Raises:
            TurnoutError: the folder can't be made, or lies too deep for Unix sockets.
        """
        longest = self.run / _LONGEST_SOCKET_NAME
        if (length := len(os.fsencode(longest))) > SOCKET_PATH_BYTES_MAX:
            raise TurnoutError(
                f"expected a state folder whose sockets have paths of at most "
                f"{SOCKET_PATH_BYTES_MAX} bytes, got {length} bytes with {longest}. Set "
                f"`state_dir` to a shorter path."
            )
        try:
            for folder in (
                self.root, self.run, self.logs, self.journals, self.assets, self.uploads, self.tls,
            ):  # fmt: skip
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise TurnoutError(
                f"expected to make the state folder {self.root}, got: {error}. Set `state_dir` "
                f"to a folder that this user may write."
            ) from error

    def lock(self) -> IO[str]:
        """Takes the folder for this process, until the returned file is closed.

        Raises:
            Conflict: another process has it.
        """
        path = self.root / "lock"
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip()
            file.close()
            raise Conflict(
                f"expected a free state folder, got {self.root}, which the daemon with pid {pid} "
                f"uses. Stop it, or set another `state_dir`."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        return file

    def instance_socket(self, number: int) -> Path:
        """Where the instance of this number listens."""
        return self.run / f"i{number}.sock"

    def instance_record(self, number: int) -> Path:
        """What finds the instance's process again."""
        return self.run / f"i{number}.json"

    def instance_records(self) -> list[Path]:
        """The records of all instances that may still run."""
        return sorted(self.run.glob("i*.json"))

    @property
    def budgets(self) -> Path:
        """What workers share of endpoints' quotas."""
        return self.run / "budgets"

    def worker_socket(self, number: int) -> Path:
        """Where the worker of this number takes commands."""
        return self.run / f"w{number}.sock"

    def worker_record(self, number: int) -> Path:
        """What finds the worker's process again."""
        return self.run / f"w{number}.json"

    def worker_records(self) -> list[Path]:
        """The records of all workers that may still run."""
        return sorted(self.run.glob("w*.json"))

    @property
    def journals(self) -> Path:
        """The folder of workers' journals."""
        return self.root / "journals"

    def traffic_log(self, number: int) -> Path:
        """Where the worker of this number writes a line for each request."""
        return self.logs / f"traffic-w{number}.jsonl"

    def worker_log(self, number: int) -> Path:
        """What the worker prints."""
        return self.logs / f"worker-{number}.log"

    def deployment_logs(self, endpoint_name: str, deployment_name: str) -> Path:
        """The folder of what a deployment's instances print, ``i<N>.log`` each."""
        return self.endpoint_logs(endpoint_name) / deployment_name

    def endpoint_logs(self, endpoint_name: str) -> Path:
        """The folder of its deployments' folders."""
        return self.logs / endpoint_name
