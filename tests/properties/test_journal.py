"""Invariant 12 for what really happened: a journal, played to the core again, is the same.

The machine is test_rollout.py's, with everything that can befall a worker: the journal of
each of its runs is replayed at the end.
"""

from router.core.journal.recording import counts_of
from tests.properties.test_rollout import RolloutMachine
from tests.recorded import RecordedShell
from tests.shell import Shell, deployment, endpoint


class RecordedMachine(RolloutMachine):
    """Every run is recorded, and decided anew."""

    shell_type = RecordedShell

    def teardown(self) -> None:
        super().teardown()
        if not hasattr(self, "shell"):
            return
        assert isinstance(self.shell, RecordedShell)
        player = self.shell.replayed()
        assert counts_of(player.dispatcher) == counts_of(self.shell.dispatcher)
        taken = [asked for asked in self.shell.asked if asked.request is not None]
        arrived = player.tally.live.total() + player.tally.direct.total()
        assert arrived == len(taken)


TestRecorded = RecordedMachine.TestCase


def test_12_instances_take_their_first_turns_in_the_routings_order_in_every_process() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", instances=9, concurrency=1), traffic={"blue": 100}))
    for _ in range(9):
        shell.ask()
    shell.pump()
    assert list(shell.at) == [f"blue-{number}" for number in range(9)]
