"""How a deployment's instances fare, beside how the last operation on it ended.

Azure's provisioningState is of the operation: a deployment whose update succeeded stays
``Succeeded`` when its instances end an hour later. This says what they do now.
"""

from typing import Literal

from msgspec import Struct

State = Literal["Healthy", "Degraded", "CrashLoop"]


class InstancesState(Struct, frozen=True, kw_only=True, rename="camel"):
    """The instances of one deployment.

    Attributes:
        state: CrashLoop if one ends again and again as soon as it is there (backoff.py);
            Degraded if fewer get requests than there are to be.
        wanted: how many there are to be.
        ready: how many get requests.
        restarts: how often one was started in place of another that ended or was replaced,
            since the daemon's start or the last update.
        last_error: how the last one ended, with the last lines of its log; None if Healthy.
    """

    state: State
    wanted: int
    ready: int
    restarts: int
    last_error: str | None = None

    @property
    def loops(self) -> bool:
        """Whether any of them is in a crash loop."""
        return self.state == "CrashLoop"


def instances_state(
    wanted: int, ready: int, restarts: int, last_error: str | None, *, loops: bool
) -> InstancesState:
    """What the counts come to.

    Args:
        loops: whether any of them is in a crash loop.
    """
    state: State = "CrashLoop" if loops else "Degraded" if ready < wanted else "Healthy"
    return InstancesState(
        state=state,
        wanted=wanted,
        ready=ready,
        restarts=restarts,
        last_error=None if state == "Healthy" else last_error,
    )
