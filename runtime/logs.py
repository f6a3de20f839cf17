"""What a scoring script prints and logs, and how it looks (azure.md 7.4).

Everything goes to standard output; whoever started the process decides where that leads. A
script may bring a logging.json, which is taken as Azure's server takes it. Scripts import
this module as azureml_inference_server_http.log_config.
"""

import builtins
import json
import logging
import logging.config
import sys
import time
from pathlib import Path
from typing import Any

FORMAT = "%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s"
CONFIG_FILE = "logging.json"
# The runtime's own; a logging.json that doesn't name them must not silence them.
_OURS = ("azmlinfsrv", "azmlinfsrv.print", "runtime")

_default_print = builtins.print
_print_log = logging.getLogger("azmlinfsrv.print")


class AMLLogFormatter(logging.Formatter):
    """Times in UTC, in Azure's format."""

    def __init__(self, fmt: str = FORMAT, datefmt: str | None = None, style: Any = "%") -> None:
        super().__init__(fmt, datefmt, style)
        self.converter = time.gmtime


class RootAccessFilter(logging.Filter):
    """Leaves out the lines of health probes; Azure's own logging.json names it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is shown."""
        return "GET / HTTP/1.1" not in record.getMessage()


def configure() -> None:
    """Sends the root logger's INFO and above, and what is printed, to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(AMLLogFormatter())
    # With the root logger at INFO, unlike Azure: a script's logging.info() must be seen.
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    builtins.print = _print


def configure_from(app_root: Path) -> None:
    """Takes in the script's own logging.json, if it has one.

    Raises:
        ValueError: it is no JSON, or logging can't make anything of it.
    """
    path = app_root / CONFIG_FILE
    if not path.is_file():
        return
    logging.config.dictConfig(json.loads(path.read_text()))
    for name in _OURS:
        logging.getLogger(name).disabled = False
    logging.getLogger("azmlinfsrv").info("Loaded logging config from %s", path)


def _print(*values: object, sep: str | None = " ", file: Any = None, **kwargs: Any) -> None:
    """What a script prints becomes a line of the log; what it prints elsewhere goes there."""
    if file is None or file is sys.stdout:
        _print_log.info((" " if sep is None else sep).join(map(str, values)))
    else:
        _default_print(*values, sep=sep, file=file, **kwargs)
