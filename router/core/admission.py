"""The way in: who may ask, which deployment answers, and what is refused at once.

The dispatcher is built on it and does the rest: sending, answers, deadlines, lost instances.
"""

import random
from typing import Protocol

from router.core import refusals
from router.core.budgets import Budgets
from router.core.credentials import NOBODYS
from router.core.lane import Lane
from router.core.ledger import Ledger
from router.core.request import Client, Head, Kind, Payload, Refusal, Request
from router.core.snapshot import (
    EMPTY,
    Snapshot,
    SnapshotDeployment,
    SnapshotEndpoint,
)
from router.core.tokens import Tokens

# Looked up once: a member of an enumeration costs as much as the schedule's pick.
_LIVE = Kind.LIVE


class AdmissionPort(Protocol):
    """What a shell does for admission."""

    def wake(self, lane: Lane) -> None:
        """Call ``pump(lane)`` soon: after what has already arrived, so that it is gathered."""

    def verify_token(self, token: bytes, secret: str) -> int:
        """The nanoseconds that the token is still good for; 0 if it is not one of the secret's."""


class Admission:
    """Takes requests by one snapshot.

    Attributes:
        snapshot: the one in force. Take it once a request and pass it on (invariant 1).
        ledger: what was taken and is not answered yet (invariant 9).
        refused: requests that reached no deployment, by endpoint.
    """

    def __init__(
        self, port: AdmissionPort, rng: random.Random, now_ns: int, budgets: Budgets
    ) -> None:
        self.snapshot: Snapshot = EMPTY
        self.ledger = Ledger(now_ns)
        self.refused: dict[str, int] = {}
        # Lanes with copies to be sent with the next tick; a dict for its order.
        self._gathering: dict[Lane, None] = {}
        self._rng = rng
        self._budgets = budgets
        self._wake_soon = port.wake
        self._tokens = Tokens(port.verify_token)

    def authorize(
        self, endpoint_name: str, authorization: bytes, now_ns: int
    ) -> SnapshotEndpoint | Refusal:
        """The endpoint of the present snapshot, if the Authorization header's value opens it.

        An endpoint that does not exist is refused like a wrong key: names are no secret to
        be guessed by their status code (DESIGN.md: 401 comes before 404).
        """
        endpoint = self.snapshot.endpoints.get(endpoint_name)
        credentials = NOBODYS if endpoint is None else endpoint.credentials
        opens = authorization in credentials.opened_by or credentials.allow(
            authorization, self._tokens, now_ns
        )
        if opens and endpoint is not None:
            return endpoint
        return self._refuse(endpoint_name, refusals.UNAUTHORIZED)

    def arrive(
        self,
        endpoint: SnapshotEndpoint,
        pinned: str | None,
        payload: Payload,
        head: Head,
        client: Client,
        now_ns: int,
    ) -> Request | Refusal:
        """Takes a request, or refuses it at once.

        Args:
            endpoint: from ``authorize``, or of the present snapshot for a trusted caller;
                used at once, so that it is still the one in force.
            pinned: the deployment that the request names, None for live traffic.
            client: is told the answer, unless a refusal is returned.
        """
        requests = endpoint.quota.requests
        if requests is not None and (wait_ns := requests.take(1, now_ns)):
            return self._refuse(endpoint.name, refusals.rate_limited(endpoint, wait_ns))
        if pinned is not None:
            deployment = endpoint.deployments.get(pinned)
            if deployment is None:
                return self._refuse(endpoint.name, refusals.unknown_deployment(endpoint, pinned))
            return self._take_direct(endpoint, deployment, payload, head, client, now_ns)
        if endpoint.live is None:
            return self._refuse(endpoint.name, refusals.no_traffic(endpoint))
        deployment = endpoint.live_deployments[endpoint.live.schedule.pick()]
        lane = deployment.lane
        if not lane.places.add(deployment.pending_max):
            return self._refuse(endpoint.name, refusals.too_many_pending(deployment))
        request = self.ledger.take(_LIVE, deployment, payload, head, client, now_ns)
        # Asked here as well, since a call costs more than the question.
        if not lane.woken:
            self._wake(lane)
        lane.live += 1
        mirror = endpoint.mirror
        if mirror is not None and mirror.schedule.pick():
            self._copy(endpoint, request, now_ns)
        return request

    def arrive_aside(
        self,
        endpoint: SnapshotEndpoint,
        pinned: str | None,
        head: Head,
        client: Client,
        now_ns: int,
    ) -> Request | Refusal:
        """Takes what asks for no prediction (swagger.json, the health page), or refuses it.

        It goes to the deployment with the most traffic, the first in the list of several,
        counts in no schedule and is not mirrored: as if it had named that deployment.
        """
        if pinned is None and endpoint.live is not None:
            pinned = max(endpoint.live.percents, key=lambda share: share[1])[0]
        return self.arrive(endpoint, pinned, b"", head, client, now_ns)

    def open_connection(self, endpoint: SnapshotEndpoint, now_ns: int) -> Refusal | None:
        """Counts a client's connection as the endpoint's, which it has called for the first time.

        Returns:
            Why it may not be one. Else ``endpoint.quota.close_connection`` is to be called
            when it is gone, or calls another.
        """
        key = endpoint.quota.open_connection(now_ns)
        if key is None:
            return None
        return self._refuse(endpoint.name, refusals.too_many_connections(endpoint, key))

    def _take_direct(
        self,
        endpoint: SnapshotEndpoint,
        deployment: SnapshotDeployment,
        payload: Payload,
        head: Head,
        client: Client,
        now_ns: int,
    ) -> Request | Refusal:
        """Past the schedules and never mirrored (invariant 7)."""
        lane = deployment.lane
        if not lane.places.add(deployment.pending_max):
            return self._refuse(endpoint.name, refusals.too_many_pending(deployment))
        request = self.ledger.take(Kind.DIRECT, deployment, payload, head, client, now_ns)
        self._wake(lane)
        lane.direct += 1
        return request

    def _copy(self, endpoint: SnapshotEndpoint, live: Request, now_ns: int) -> None:
        """Mirrors a live request; a shadow without room or instance loses it (invariant 5)."""
        deployment = endpoint.mirror_deployment
        assert deployment is not None
        lane = deployment.lane
        if lane.copies_pending >= deployment.pending_max or not lane.instances:
            lane.copies_lost += 1
            return
        lane.copies += 1
        endpoint.quota.charge_copy(live.head.size_bytes + len(live.payload), now_ns)
        copy = self.ledger.take(Kind.COPY, deployment, live.payload, live.head, None, now_ns)
        copy.copy_of = live.id
        if lane.can_wait:
            self._gather(lane)
        else:
            self._wake(lane)

    def _refuse(self, endpoint_name: str, refusal: Refusal) -> Refusal:
        self.ledger.refuse()
        # Only endpoints that exist: strangers must not grow a table by guessing names.
        if endpoint_name in self.refused:
            self.refused[endpoint_name] += 1
        return refusal

    def _wake(self, lane: Lane) -> None:
        if not lane.woken:
            lane.woken = True
            self._wake_soon(lane)

    def _gather(self, lane: Lane) -> None:
        """What is queued, if anything, is sent with the next tick at the latest."""
        if lane.queue:
            self._gathering[lane] = None
