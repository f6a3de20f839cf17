"""The `pip:` part of a conda file: which lines can be had by whoever gets the file alone. Pure.

A conda file is sent as text, and what lies beside it is not; conda would take paths relative
to the file, but there the daemon has nothing. So lines that name files are refused, unless
their paths are absolute, and so are pip's options: indexes are this machine's settings.
"""

import re
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from router.core.errors import BadRequest

_ARCHIVES = (".whl", ".zip", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
# What may follow a requirement: options of its own, such as --hash, and comments.
_END = re.compile(r"\s+(?:--|#)")


def check_pip_line(line: object, at: str) -> str:
    """The line, if it says what to install in a way that the daemon can follow.

    Args:
        at: where it stands, for the message.

    Raises:
        BadRequest: no requirement, an option, or a path that is relative.
    """
    if not isinstance(line, str) or not line.strip() or line.lstrip().startswith("-"):
        raise BadRequest(
            f"expected a requirement such as joblib==1.5, and no option of pip, got {line!r}, at "
            f"`{at}`. {_ADVICE}"
        )
    line = line.strip()
    if not _is_reachable(_END.split(line, maxsplit=1)[0]):
        raise BadRequest(
            f"expected a requirement such as joblib==1.5, a URL or an absolute path, got {line!r}, "
            f"at `{at}`. {_ADVICE}"
        )
    return line


_ADVICE = (
    "A conda file is sent without the files beside it: write the lines of a requirements file "
    "here, and put a package of your own into the code folder, beside the scoring script."
)


def _is_reachable(text: str) -> bool:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        # uv takes an address without a name before it, too.
        return _is_absolute(text)
    if requirement.url is not None:
        return _is_absolute(requirement.url)
    return not requirement.name.endswith(_ARCHIVES)


def _is_absolute(address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme in {"", "file"}:
        return parts.path.startswith("/")
    return bool(parts.netloc)
