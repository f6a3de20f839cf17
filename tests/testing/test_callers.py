"""Who may call the harness: async tests and programs with a loop or a policy of their own, too."""

import asyncio
import subprocess
import sys

from router.testing import Turnout

PROGRAM = """
import asyncio, uvloop
from router.testing import Turnout
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
with Turnout() as turnout:
    print(turnout.run("online-endpoint list"))
"""


async def test_a_test_with_a_running_loop_calls_it_like_any_other(turnout: Turnout) -> None:
    assert asyncio.get_running_loop().is_running()
    assert turnout.run("online-endpoint list") == "[]"


def test_a_program_with_another_policy_and_without_pytest_uses_it() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
