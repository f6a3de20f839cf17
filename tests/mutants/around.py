"""Bugs around the core, and bugs of the core that the simulator's checkers are to find."""

from tests.mutants.mutant import CONTROL_PLANE, SWARM, Mutant

_SERVICE = "router/control_plane/service.py"
_PROVISIONING = "router/control_plane/provisioning.py"
_SCENARIOS = ("tests/sim/test_simulate.py", "-k", "comes_with_turnout")

CONTROL = (
    Mutant(1, "an update returns before workers have heard of it", _SERVICE,
           "            self._store.save_endpoint(declared_endpoint(spec, old))\n"
           "            await self._provisioner.publish()\n",
           "            self._store.save_endpoint(declared_endpoint(spec, old))\n", CONTROL_PLANE),
    Mutant(1, "a worker says that it has swapped before it has", "router/data_plane/engine.py",
           "            self.dispatcher.swap(routing, unreachable)\n",
           "            self._loop.call_later(0.05, self.dispatcher.swap, routing, unreachable)\n",
           ("tests/data_plane/test_engine.py", "-k", "swaps_under_load")),
    Mutant(6, "the rules of traffic are skipped", _SERVICE,
           "            check_traffic(spec.traffic, spec.mirror_traffic, deployments)\n", ""),
    Mutant(6, "what is refused has been stored", _SERVICE,
           "            check_traffic(spec.traffic, spec.mirror_traffic, deployments)\n",
           "            old = self._store.endpoint(spec.name)\n"
           "            self._store.save_endpoint(declared_endpoint(spec, old))\n"
           "            check_traffic(spec.traffic, spec.mirror_traffic, deployments)\n"),
    Mutant(6, "a deployment with traffic can be deleted", _SERVICE,
           "        check_deletable(name, endpoint.spec.traffic, endpoint.spec.mirror_traffic)\n",
           ""),
    Mutant(6, "an operation does not keep others off", "router/core/exclusive.py",
           "        if running is not None:\n", "        if running == kind == 'Deleting':\n"),
    Mutant(10, "an instance that could not come up leaves the others running",
           "router/control_plane/groups.py",
           "            await self._supervisor.stop(done, timeout_ms=0)\n            raise\n",
           "            raise\n", CONTROL_PLANE),
    Mutant(10, "a worker says that an instance is drained which is not",
           "router/data_plane/engine.py",
           "        return [i for i in instance_ids if self.dispatcher.holds(i)]\n",
           "        return []\n",
           ("tests/data_plane/test_engine.py", "-k", "drained")),
    Mutant(10, "a worker does not wait for an instance to be drained",
           "router/data_plane/engine.py",
           "while any(self.dispatcher.holds(instance_id) for instance_id in instance_ids):",
           "while False:", ("tests/data_plane/test_engine.py", "-k", "drained")),
    Mutant(11, "changes are never committed", "router/control_plane/store.py",
           "sqlite3.connect(path, isolation_level=None, ", "sqlite3.connect(path, "),
    Mutant(11, "what was begun is forgotten by the next control plane", _SERVICE,
           "            self._resume(operation)\n", "            pass\n"),
    Mutant(11, "what serves is not stored", _PROVISIONING,
           "            self._save(spec, serving=Serving(spec=spec, revision=revision))\n",
           "            pass\n"),
    Mutant(12, "what clients draw depends on the process", "sim/draws.py",
           'random.Random("/".join((str(seed), *names)))',
           'random.Random(hash("/".join((str(seed), *names))))'),
)  # fmt: skip

SIMULATED = (
    Mutant(1, "sim: a stale snapshot stays in force", "router/core/dispatcher.py",
           "        self.snapshot = after\n",
           "        self.snapshot = after if before.generation == 0 else before\n", SWARM),
    Mutant(3, "sim: the first share is one percent too small", "router/core/schedule.py",
           "draw_slots(len(free), percent, random)", "draw_slots(len(free), percent - 1, random)",
           SWARM),
    Mutant(4, "sim: one percent too many is copied", "router/core/snapshot.py",
           "(BLOCK - share, share)", "(BLOCK - share - 1, share + 1)", SWARM),
    Mutant(5, "sim: copies queue without bound", "router/core/admission.py",
           "if lane.copies_pending >= deployment.pending_max or not lane.instances:",
           "if not lane.instances:", SWARM),
    Mutant(6, "sim: live and mirrored at once is accepted", "router/core/rules.py",
           "if traffic.get(name):", "if traffic.get(name) == TRAFFIC_SUM_PERCENT:", SWARM),
    Mutant(8, "sim: a bucket holds more than its burst", "router/core/token_bucket.py",
           "if self.credit > self._full:", "if self.credit > 2 * self._full:", _SCENARIOS),
    Mutant(9, "sim: an answer goes to whoever came next", "router/core/dispatcher.py",
           "            request = self.ledger.find(answer.id)\n",
           "            request = self.ledger.find(answer.id + 1) or self.ledger.find(answer.id)\n",
           SWARM),
    Mutant(10, "sim: an instance is let go while it holds requests", "router/core/membership.py",
           "if instance.removed and not instance.outstanding:", "if instance.removed:", SWARM),
)  # fmt: skip
