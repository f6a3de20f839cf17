"""Invariants 1, 6 and 11 of the control plane, against a model of dicts, through its API.

Any calls in any order, right and wrong ones, with the control plane stopped, or killed at any
step of any of them. After each, all that the API says, all that either worker goes by and all
that runs is what the model says: so a refused call has changed nothing (6), one that has
returned is obeyed by every worker (1) and is still there after a kill (11); one that was not
acknowledged has happened whole or not at all.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine
from copy import deepcopy
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.properties.plane_calls import (
    Call,
    DeleteDeployment,
    DeleteEndpoint,
    PutDeployment,
    PutEndpoint,
    RegenerateKey,
)
from tests.properties.plane_model import Model, Percents
from tests.properties.plane_world import World

Result = TypeVar("Result")

endpoints = st.sampled_from(["alpha", "alpha", "alpha", "beta"])
names = st.sampled_from(["blue", "green", "red"])
kinds = st.sampled_from(["well", "well", "slow", "slow", "half", "fails"])
# Most of what is drawn keeps the rules, and the rest breaks one.
rarely = st.sampled_from([False] * 7 + [True])
# Steps until the control plane is killed: it is in some quarter of all calls.
deaths = st.sampled_from([None] * 12 + list(range(8)))
traffics: st.SearchStrategy[Percents] = st.one_of(
    st.builds(lambda one: {one: 100}, names),
    st.builds(lambda one, other, n: {one: n, **({other: 100 - n} if other != one else {})},
              names, names, st.integers(0, 100)),
    st.just({}),
    st.dictionaries(names, st.sampled_from([-1, 0, 1, 50, 99, 100]), max_size=3),
)  # fmt: skip
mirrors: st.SearchStrategy[Percents] = st.one_of(
    st.just({}),
    st.builds(lambda one, n: {one: n}, names, st.sampled_from([0, 1, 10, 50, 51, -1])),
    st.dictionaries(names, st.sampled_from([0, 5, 50]), max_size=3),
)


class ControlPlaneMachine(RuleBasedStateMachine):
    @initialize(kubernetes=rarely, serves=st.booleans())
    def begin(self, *, kubernetes: bool, serves: bool) -> None:
        self.loop = asyncio.new_event_loop()
        self.model = Model()
        self.number = 0
        self.world = World()
        self.wait(self.world.start())
        # Without these most calls would end with 404.
        self.put_endpoint(
            "alpha", wrong=False, kubernetes=kubernetes, traffic={}, mirror={}, dies=None
        )
        for name in ("blue", "green"):
            self.put_deployment("alpha", name, "well", 1, wrong=False, dies=None)
        if serves:
            mirror = {} if kubernetes else {"green": 10}
            self.do(PutEndpoint("alpha", "tag", kubernetes, {"blue": 100}, mirror), None)

    @rule(name=endpoints, wrong=rarely, kubernetes=rarely, traffic=traffics, mirror=mirrors,
          dies=deaths)  # fmt: skip
    def put_endpoint(
        self,
        name: str,
        *,
        wrong: bool,
        kubernetes: bool,
        traffic: Percents,
        mirror: Percents,
        dies: int | None,
    ) -> None:
        old = self.model.endpoints.get(name)
        if old is None and not wrong:
            # What any first rules would be refused for: there are no deployments yet.
            traffic, mirror = {}, {}
        call = PutEndpoint(
            f"1-{name}" if wrong else name,
            f"tag {self.next_number()}",
            (old is not None and old.kubernetes) != kubernetes,
            traffic,
            mirror,
        )
        self.do(call, dies)

    @rule(endpoint=endpoints, name=names, kind=kinds, count=st.integers(1, 3), wrong=rarely,
          dies=deaths)  # fmt: skip
    def put_deployment(
        self, endpoint: str, name: str, kind: str, count: int, *, wrong: bool, dies: int | None
    ) -> None:
        found = self.model.endpoints.get(endpoint)
        kubernetes = found is not None and found.kubernetes
        version = f"{kind}-{self.next_number()}"
        call = PutDeployment(endpoint, name, version, count, kubernetes, "score.py")
        if wrong:
            call = (
                PutDeployment(endpoint, f"{name}-", version, count, kubernetes, "score.py"),
                PutDeployment(endpoint, name, version, -count, kubernetes, "score.py"),
                PutDeployment(endpoint, name, version, count, not kubernetes, "score.py"),
                PutDeployment(endpoint, name, version, count, kubernetes, "missing.py"),
            )[self.number % 4]
        self.do(call, dies)

    @rule(endpoint=endpoints, name=names, count=st.integers(0, 3), dies=deaths)
    def scale(self, endpoint: str, name: str, count: int, dies: int | None) -> None:
        found = self.model.endpoints.get(endpoint)
        deployment = found.deployments.get(name) if found else None
        if found and deployment:
            kubernetes, version = found.kubernetes, deployment.version
            call = PutDeployment(endpoint, name, version, count, kubernetes, "score.py")
            self.do(call, dies)

    @rule(endpoint=endpoints, name=names, dies=deaths)
    def delete_deployment(self, endpoint: str, name: str, dies: int | None) -> None:
        self.do(DeleteDeployment(endpoint, name), dies)

    @rule(name=endpoints, sure=rarely, dies=deaths)
    def delete_endpoint(self, name: str, *, sure: bool, dies: int | None) -> None:
        if sure:
            self.do(DeleteEndpoint(name), dies)

    @rule(endpoint=endpoints, which=st.sampled_from(["Primary", "Secondary"]), wrong=rarely,
          dies=deaths)  # fmt: skip
    def regenerate_key(self, endpoint: str, which: str, *, wrong: bool, dies: int | None) -> None:
        value = f"key-{self.next_number():016d}"
        self.do(RegenerateKey(endpoint, which, value[:15] if wrong else value), dies)

    @precondition(lambda self: self.model.held)
    @rule(comes_up=st.booleans(), dies=deaths)
    def a_slow_script_comes_up_or_fails(self, *, comes_up: bool, dies: int | None) -> None:
        endpoint = self.model.endpoints[min(self.model.held)]
        assert endpoint.held is not None
        version = endpoint.deployments[endpoint.held].version
        self.model.tell(version, comes_up=comes_up)
        self.world.life.steps_left = dies
        self.wait(self.world.machine.tell(version, comes_up=comes_up))
        self.settle([self.model])

    @rule(in_order=st.booleans(), dies=deaths)
    def end_and_start_again(self, *, in_order: bool, dies: int | None) -> None:
        self.wait(self.world.stop() if in_order else self.world.kill())
        self.wait(self.world.start(dies))
        self.settle([self.model])

    @rule(endpoint=endpoints, worker=st.sampled_from([0, 1]))
    def ask(self, endpoint: str, worker: int) -> None:
        """A live request is served by an instance that runs, of a deployment with traffic."""
        found = self.model.endpoints.get(endpoint)
        if found is None or not all(found.deployments[name].serving for name in found.traffic):
            return
        shell = self.world.machine.workers[worker]
        asked = shell.ask(endpoint=endpoint, key=found.keys["Primary"])
        shell.pump()
        if not found.traffic:
            assert len(asked.refusals) == 1
            return
        assert shell.served_by(asked) in found.traffic
        holders = [id_ for id_, held in shell.at.items() if held]
        assert {int(id_[1:]) for id_ in holders} <= set(self.world.machine.running)
        shell.serve_all()
        assert len(asked.answers) == 1

    @invariant()
    def what_is_routed_and_running_is_what_the_model_says(self) -> None:
        """What is shown has been compared by ``settle``."""
        world, model = self.world, self.model
        for name, endpoint in model.endpoints.items():
            keys = self.wait(world.keys(name))
            # The first ones are random.
            endpoint.keys = {**keys, **endpoint.keys}
            assert keys == endpoint.keys
        for shell in world.machine.workers:
            assert world.routed(shell) == model.routed()
        warm = Counter(
            (one.owner.endpoint, one.owner.deployment, one.version)
            for one in world.machine.running.values()
            if one.warm
        )
        assert warm == {
            (name, one, found.serving[0]): found.serving[1]
            for name, endpoint in model.endpoints.items()
            for one, found in endpoint.deployments.items()
            if found.serving
        }

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        with contextlib.closing(self.loop):
            self.wait(self.world.kill())
            self.world.remove()

    def do(self, call: Call, dies: int | None) -> None:
        """Makes the call; the model follows."""
        reasons = call.refusals(self.model)
        after = deepcopy(self.model)
        if not reasons:
            call.carry_out(after)
        status = self.wait(self.world.do(call, dies))
        if status < 300:
            assert not reasons, f"{call} was accepted"
            candidates = [after]
        elif self.world.life.died.is_set():
            candidates = [self.model, after]
        else:
            assert status in reasons, f"{call} was answered {status}"
            candidates = [self.model]
        self.settle(candidates)
        if status < 300 and not self.model.held:
            # It is known, and its end is the same, after any death.
            assert self.wait(self.world.outcome()) in {"", call.outcome(self.model)}

    def settle(self, candidates: list[Model]) -> None:
        """What is shown in the end decides which of them holds."""
        held = set().union(*(model.held for model in candidates))
        shown = self.wait(self.world.settle(held))
        holding = [model for model in candidates if model.shown() == shown]
        assert holding, (shown, [model.shown() for model in candidates])
        self.model = holding[-1]
        if len(holding) > 1:
            self.settle_keys(holding)
        self.world.life.steps_left = None

    def settle_keys(self, holding: list[Model]) -> None:
        """The same is shown with a new key as with the old one, until one looks at the keys."""
        for model in holding:
            if all(self.wait(self.world.keys(name)).items() >= endpoint.keys.items()
                   for name, endpoint in model.endpoints.items()):  # fmt: skip
                self.model = model

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)


TestControlPlane = ControlPlaneMachine.TestCase
# A step costs milliseconds: it waits for sockets and for a database.
TestControlPlane.settings = settings(
    max_examples=settings().max_examples * 2 // 3, stateful_step_count=30
)
