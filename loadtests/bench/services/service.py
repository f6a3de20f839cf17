"""What is known of a service that is up."""

from pathlib import Path
from typing import NamedTuple

from loadtests.bench.work import BODY, KEY

APPS = Path(__file__).parents[1] / "apps"
SCRIPTS = Path(__file__).parents[1] / "scripts"


class Service(NamedTuple):
    """A service that answers at ``url``.

    Attributes:
        body: the one row as it wants it.
    """

    name: str
    version: str
    url: str
    body: bytes = BODY
    key: str = KEY
