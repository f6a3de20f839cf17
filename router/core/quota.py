"""What one endpoint may use in one worker, and has used: bytes, requests, connections.

It goes on when the endpoint is updated, like its lanes, with other limits too. They come from
turnout.yml (quota_settings.py); azure.md 4.5 and 4.6 say what they mean. Waiting and pacing are
the listener's work: here it is told how long.
"""

import sys

from router.core.budgets import BANDWIDTH, CONNECTIONS, REQUESTS, Budgets
from router.core.routing import EndpointQuota
from router.core.throttle import Throttle, lease_bytes
from router.core.token_bucket import Budget


class Quota:
    """Limits and counts of one endpoint in one worker.

    Attributes:
        limits: what they are; None in it is no limit.
        throttle: None without a limit of bandwidth.
        requests: the bucket that each request takes one from; None without that limit.
        request_bytes, response_bytes, copy_bytes: that have passed, headers included where
            there are any.
        delayed: how often a part of a request or of a response was held up.
        request_delay_ns, response_delay_ns: for how long, all together.
    """

    __slots__ = (
        "_connections",
        "_name",
        "_new_connections",
        "copy_bytes",
        "delayed",
        "limits",
        "request_bytes",
        "request_delay_ns",
        "requests",
        "response_bytes",
        "response_delay_ns",
        "throttle",
    )

    def __init__(self, name: str, limits: EndpointQuota, budgets: Budgets) -> None:
        self._name = name
        self.limits = limits
        # Counted without a limit as well: there may be one later.
        self._connections = budgets.count(name)
        self.request_bytes = self.response_bytes = self.copy_bytes = 0
        self.delayed = self.request_delay_ns = self.response_delay_ns = 0
        self._limit(budgets)

    def follow(self, limits: EndpointQuota, budgets: Budgets) -> None:
        """Goes on with these limits; who is connected stays, as does what was counted."""
        before, self.limits = self.limits, limits
        if limits != before:
            self._limit(budgets)

    def _limit(self, budgets: Budgets) -> None:
        limits = self.limits
        self.throttle: Throttle | None = None
        if (rate := limits.bandwidth_bytes_per_s) is not None:
            lease = lease_bytes(rate, budgets.workers)
            held = rate - lease * budgets.workers
            budget = budgets.bucket(self._name, BANDWIDTH, rate, held)
            self.throttle = self.make_throttle(budget, rate, lease)
        self.requests, self._new_connections = (
            None if per_s is None else budgets.bucket(self._name, kind, per_s, per_s)
            for kind, per_s in (
                (REQUESTS, limits.requests_per_s),
                (CONNECTIONS, limits.connections_per_s),
            )
        )

    def make_throttle(self, budget: Budget, burst: int, lease: int) -> Throttle:
        """The endpoint's throttle; a journal's is told of each call."""
        return Throttle(budget, burst, lease)

    def charge_request(self, count_bytes: int, now_ns: int) -> int:
        """Counts what has come of a request; returns the ns until it may go on."""
        self.request_bytes += count_bytes
        throttle = self.throttle
        if throttle is None:
            return 0
        if count_bytes <= throttle.piece:
            # In two steps: called in one, Python would look for a method of that name each time.
            charge = throttle.charge
            return charge(count_bytes, now_ns)
        return throttle.charge_all(count_bytes, now_ns)

    def charge_response(self, count_bytes: int, now_ns: int) -> int:
        """Counts a piece of a response; returns the ns until it may be written."""
        self.response_bytes += count_bytes
        throttle = self.throttle
        return 0 if throttle is None else throttle.charge(count_bytes, now_ns)

    def charge_copy(self, count_bytes: int, now_ns: int) -> None:
        """Counts bytes of a mirrored copy or its answer. It waits for nothing, others for it."""
        self.copy_bytes += count_bytes
        if self.throttle is not None:
            self.throttle.charge_all(count_bytes, now_ns)

    def note_request_delay(self, wait_ns: int) -> None:
        """A part of a request is held up."""
        self.delayed += 1
        self.request_delay_ns += wait_ns

    def note_response_delay(self, wait_ns: int) -> None:
        """A piece of a response is held up."""
        self.delayed += 1
        self.response_delay_ns += wait_ns

    def open_connection(self, now_ns: int) -> str | None:
        """Counts a connection; returns the name of the limit that forbids it, if one does."""
        most = self.limits.connections
        if not self._connections.add(sys.maxsize if most is None else most):
            return "connections"
        if self._new_connections is not None and self._new_connections.take(1, now_ns):
            self.close_connection()
            return "connections_per_s"
        return None

    def close_connection(self) -> None:
        """A connection that was counted is gone."""
        self._connections.remove()
