"""Clients behind a slow line: their requests come in pieces, and so do they read the answers.

They load nothing; they must be served beside the others, and hold nobody up.
"""

import http.client
import time
from urllib.parse import urlsplit

import gevent
from locust import task

from loadtests.users import DEPLOYMENT_HEADER, SERVED, STATUS_OK, ScoringUser

PIECES = 5
PAUSE_S = 0.05
TIMEOUT_S = 60.0
MS_PER_S = 1000


class SlowClientUser(ScoringUser):
    """Sends a body of some 150 kB in PIECES, with pauses between."""

    weight = 1
    rows = 2000

    @task
    def slow(self) -> None:
        """Counts in the shares; its time is what the endpoint takes after the last piece."""
        address = urlsplit(self.host or "")
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=TIMEOUT_S
        )
        sent_s, length = time.monotonic(), 0
        problem: Exception | None = None
        try:
            self._send(connection)
            sent_s = time.monotonic()
            response = connection.getresponse()
            taken_s = time.monotonic() - sent_s
            length = self._read(response)
            if response.status == STATUS_OK:
                SERVED[response.headers[DEPLOYMENT_HEADER]] += 1
            else:
                problem = OSError(f"expected status {STATUS_OK}, got {response.status}")
        except (OSError, http.client.HTTPException) as error:
            taken_s, problem = time.monotonic() - sent_s, error
        finally:
            connection.close()
        self.environment.events.request.fire(
            request_type="POST",
            name="slow",
            response_time=taken_s * MS_PER_S,
            response_length=length,
            exception=problem,
            context={},
        )

    def _send(self, connection: http.client.HTTPConnection) -> None:
        body = self.body.encode()
        connection.putrequest("POST", self.path)
        for name, value in {**self.headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        size = -(-len(body) // PIECES)
        for begin in range(0, len(body), size):
            gevent.sleep(PAUSE_S)
            connection.send(body[begin : begin + size])

    def _read(self, response: http.client.HTTPResponse) -> int:
        size = max(int(response.headers.get("Content-Length", 0)) // PIECES, 1)
        length = 0
        while piece := response.read(size):
            length += len(piece)
            gevent.sleep(PAUSE_S)
        return length
