"""The load test: users, shape and, with --rollout, a rollout that they must not notice.

    locust -f loadtests/locustfile.py --headless --host http://127.0.0.1:8080 --key KEY

Exit code 1 if a request failed, a share was off, or p99 was over --p99-ms.
"""

import sys
from typing import Any

import gevent
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner

from loadtests.rollout import ROLLOUTS, Rollout
from loadtests.shape import RampHoldBurst
from loadtests.slow_users import SlowClientUser
from loadtests.users import DirectUser, LargeBodyUser, LiveUser

__all__ = ["DirectUser", "LargeBodyUser", "LiveUser", "RampHoldBurst", "SlowClientUser"]


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--key", required=True, env_var="TURNOUT_KEY", help="A key of it.")
    parser.add_argument("--endpoint", default="my-endpoint", help="The endpoint to call.")
    parser.add_argument("--duration-s", type=float, default=60.0, help="How long, in seconds.")
    parser.add_argument("--peak-users", type=int, default=40, help="Users in the burst.")
    parser.add_argument("--p99-ms", type=float, default=1000.0, help="p99 may be no more.")
    parser.add_argument("--rollout", action="store_true", help="Change traffic meanwhile.")


@events.init.add_listener  # type: ignore[untyped-decorator]
def _check(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    if options and options.rollout and isinstance(environment.runner, MasterRunner):
        sys.exit("--rollout counts shares in one process: expected no --master or --processes")


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _start(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    if options and options.rollout:
        ROLLOUTS.append(Rollout(environment))
        gevent.spawn(ROLLOUTS[-1].run)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _judge(environment: Environment, **_: Any) -> None:
    problems = [problem for rollout in ROLLOUTS for problem in rollout.problems()]
    total = environment.stats.total
    if total.num_failures or not total.num_requests:
        problems.append(f"{total.num_failures} of {total.num_requests} requests failed")
    p99_ms = total.get_response_time_percentile(0.99) or 0
    limit_ms = environment.parsed_options.p99_ms if environment.parsed_options else p99_ms
    if p99_ms > limit_ms:
        problems.append(f"expected p99 of at most {limit_ms} ms, got {p99_ms} ms")
    for rollout in ROLLOUTS:
        for share in rollout.shares:
            print(f"{share.change}: {share.served}")
    for problem in problems:
        print(f"FAILED: {problem}")
    environment.process_exit_code = 1 if problems else 0
