"""What a scoring script prints and logs, and how it looks.

Everything goes to standard output; whoever started the process decides where that leads.
"""

import logging
import sys
import time

# azure.md 7.4, with the root logger at INFO: a script's logging.info() must be seen.
FORMAT = "%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s"


def configure() -> None:
    """Sends the root logger's INFO and above to standard output, in UTC."""
    formatter = logging.Formatter(FORMAT)
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
