"""The traffic log: a line of JSON for each request that was answered (azure.md 5.3).

Its columns have Azure's names. Lines gather in memory and are written once a second, off the
event loop; what can't be written is dropped and counted, and holds up nobody.
"""

import asyncio
import logging
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct

from router.data_plane.engine import now_ns
from router.data_plane.heads import HEAD_END, ParsedHead

FILE_BYTES_MAX = 64 * 1024 * 1024
OLD_FILES = 4
LINES_MAX = 200_000
USER_AGENT_MAX = 70
NS_PER_MS = 1e6
_MODEL_STATUS = b"ms-azureml-model-error-statuscode: "
_MODEL_REASON = b"ms-azureml-model-error-reason: "
# As nginx calls it.
_GONE = b"HTTP/1.1 499 Client closed request\r\n\r\n"

log = logging.getLogger(__name__)


class Entry(Struct):
    """One request on its way.

    Attributes:
        began_ns, came_ns: when its first byte was here, and its last.
        first_answer_ns: when the model's answer, or its first part, was here; 0 if it never was.
        response_bytes: handed over to be written so far, headers included.
        request_delay_ns: how long the throttle held it up.
        delay_ns: how long it held up the response.
        head: of the response, whole.
    """

    parsed: ParsedHead
    endpoint: str
    body_bytes: int
    began_ns: int
    came_ns: int
    deployment: str = ""
    request_delay_ns: int = 0
    delay_ns: int = 0
    first_answer_ns: int = 0
    response_bytes: int = 0
    head: bytes = b""

    def note(self, rendered: bytes) -> None:
        """Takes in what is given to be written of the response."""
        if not self.head:
            self.head = rendered[: rendered.find(HEAD_END) + len(HEAD_END)]
        self.response_bytes += len(rendered)


class TrafficLog:
    """One worker's.

    Args:
        path: of the newest file; older ones have a number behind it.

    Attributes:
        lost: lines that could not be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[bytes] = []
        self._encoder = msgspec.json.Encoder()
        self._writing: asyncio.Future[None] | None = None
        self.lost = 0

    def write_gone(self, entry: Entry) -> None:
        """Notes a request whose client has not waited for the answer."""
        entry.head = _GONE
        self.write(entry)

    def write(self, entry: Entry) -> None:
        """Notes a request whose answer is on its way to the client."""
        if len(self._lines) >= LINES_MAX:
            self.lost += 1
        else:
            self._lines.append(self._encoder.encode(_columns(entry, now_ns())))

    def on_second(self) -> None:
        """To be called about once a second."""
        if self._lines and (self._writing is None or self._writing.done()):
            lines, self._lines = self._lines, []
            loop = asyncio.get_running_loop()
            self._writing = loop.run_in_executor(None, self._append, lines)

    async def close(self) -> None:
        """Writes what is left."""
        if self._writing is not None:
            await self._writing
        lines, self._lines = self._lines, []
        await asyncio.get_running_loop().run_in_executor(None, self._append, lines)

    def _append(self, lines: list[bytes]) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size > FILE_BYTES_MAX:
                self._rotate()
            with self._path.open("ab", buffering=0) as file:
                _write_whole(file, b"".join(line + b"\n" for line in lines))
        except OSError as error:
            self.lost += len(lines)
            log.error("%d lines of the traffic log are lost: %s", len(lines), error)  # noqa: TRY400 - the words say it

    def _rotate(self) -> None:
        for number in range(OLD_FILES, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}")
            source = newer if number > 1 else self._path
            if source.exists():
                source.replace(older)


def _write_whole(file: FileIO, content: bytes) -> None:
    """All of it or nothing: half a line would spoil the next one, too.

    Raises:
        OSError: nothing.
    """
    size, rest = file.tell(), memoryview(content)
    try:
        # A full disk takes what fits, and says so to the next byte.
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(size)
        raise


def _columns(entry: Entry, now: int) -> dict[str, object]:
    parsed = entry.parsed
    values = dict(parsed.passed_on.headers)
    code, _, reason = entry.head.partition(b"\r\n")[0].partition(b" ")[2].partition(b" ")
    return {
        "TimeGenerated": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "Method": parsed.method.decode("latin-1"),
        "Path": parsed.url.decode("latin-1"),
        "EndpointName": entry.endpoint,
        "DeploymentName": entry.deployment,
        "Protocol": "HTTP/1.1" if parsed.passed_on.takes_chunks else "HTTP/1.0",
        "ResponseCode": int(code),
        "ResponseCodeReason": reason.decode("latin-1"),
        "ModelStatusCode": _model_status(entry, code),
        "ModelStatusReason": _header(entry.head, _MODEL_REASON),
        "RequestPayloadSize": entry.body_bytes,
        "ResponsePayloadSize": max(entry.response_bytes - len(entry.head), 0),
        "UserAgent": values.get(b"user-agent", b"").decode("latin-1")[:USER_AGENT_MAX],
        "XRequestId": _header(entry.head, b"x-request-id: "),
        "XMSClientRequestId": _header(entry.head, b"x-ms-client-request-id: "),
        "TotalDurationMs": _ms(now - entry.began_ns),
        "RequestDurationMs": _ms(entry.came_ns - entry.began_ns),
        "ResponseDurationMs": _ms(max(entry.first_answer_ns - entry.began_ns, 0)),
        "RequestThrottlingDelayMs": _ms(entry.request_delay_ns),
        "ResponseThrottlingDelayMs": _ms(entry.delay_ns),
    }


def _model_status(entry: Entry, code: bytes) -> int | None:
    """The model's own; none if it gave no answer."""
    if not entry.first_answer_ns:
        return None
    return int(_header(entry.head, _MODEL_STATUS) or code)


def _header(head: bytes, line: bytes) -> str:
    """The value of a header of an answer of ours, as it is written."""
    begin = head.find(line)
    if begin < 0:
        return ""
    begin += len(line)
    return head[begin : head.find(b"\r\n", begin)].decode("latin-1")


def _ms(ns: int) -> float:
    return round(ns / NS_PER_MS, 3)
