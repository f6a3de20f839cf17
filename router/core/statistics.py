"""What a worker counts, as frozen values: one definition for API, demo and tests.

Counters start at 0 with the worker and only grow; a gauge says so.
"""

from msgspec import Struct


class DeploymentStatistics(Struct, frozen=True, kw_only=True):
    """Counts of one deployment in one worker.

    Attributes:
        live: live requests that traffic rules sent here; direct calls not among them.
        direct: requests that named this deployment in their header, or asked for no prediction.
        copies: mirrored copies accepted for it.
        copies_lost: copies dropped because it was saturated or gone.
        answered: live and direct requests answered, whatever the answer.
        failed: those of them whose answer was not the model's own success.
        queued: gauge; waiting in the worker. Copies count.
        outstanding: gauge; at an instance. Copies count.
    """

    name: str
    live: int
    direct: int
    copies: int
    copies_lost: int
    answered: int
    failed: int
    queued: int
    outstanding: int


class EndpointStatistics(Struct, frozen=True, kw_only=True):
    """Counts of one endpoint in one worker.

    Attributes:
        scheduled: requests that the present traffic schedule has placed.
        mirror_considered: requests that the present mirror schedule has looked at.
        refused: requests answered without reaching a deployment.
        request_bytes, response_bytes: of requests that were authorized; headers included.
        copy_bytes: of mirrored copies and what the model answered to them.
        delayed: how often the throttle held up a part of a request or of a response.
        request_delay_ns, response_delay_ns: for how long, all together.
    """

    name: str
    scheduled: int
    mirror_considered: int
    refused: int
    request_bytes: int = 0
    response_bytes: int = 0
    copy_bytes: int = 0
    delayed: int = 0
    request_delay_ns: int = 0
    response_delay_ns: int = 0
    deployments: tuple[DeploymentStatistics, ...]


class WorkerStatistics(Struct, frozen=True, kw_only=True):
    """Counts of one worker; accepted = answered + in flight at every instant (invariant 9).

    Attributes:
        unexpected_answers: that matched nothing outstanding at the instance, and were dropped.
        broken_streams: of instances that answered something else, or ended, or were let go.
        lost_log_lines: of the traffic log, that could not be written.
    """

    generation: int
    accepted: int
    answered: int
    in_flight: int
    unexpected_answers: int = 0
    broken_streams: int = 0
    lost_log_lines: int = 0
    endpoints: tuple[EndpointStatistics, ...]
