"""An endpoint of a running daemon, as a test sees it: deploy, score, roll out."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from router.testing.answers import Reply
from router.testing.client import DEPLOYMENT_HEADER, ScoringClient
from router.testing.conductor import Conductor
from router.testing.control import Access, Control
from router.testing.deployments import Script, Scripted
from router.testing.load import Load, encoded
from router.testing.loop_thread import LoopThread
from router.testing.plan import read_plan
from router.testing.rollout import Rollout
from router.yaml_files import read_yaml

LOG_LINES = 100_000
Deployable = Script | Scripted | Path | str


class Endpoint:
    """Made by ``Turnout.endpoint``.

    Attributes:
        name: its name.
        id: its path in the REST API.
        scoring_uri: where clients send their requests.
        key: what opens it: ``Authorization: Bearer KEY``.
    """

    def __init__(
        self, control: Control, loop: LoopThread, name: str, access: Access, folder: Path
    ) -> None:
        self.name = name
        self.id, self.scoring_uri, self.key = access
        self._control = control
        self._loop = loop
        self._folder = folder
        # Those that can be told to misbehave later.
        self._scripted: set[str] = set()

    def deploy(self, deployment: Deployable, *, all_traffic: bool = False) -> None:
        """Creates a deployment; returns when it serves.

        Args:
            deployment: a YAML file, or a Script or Scripted.
            all_traffic: whether it gets all live traffic then.

        Raises:
            HarnessError: it is refused or does not start. The message is the daemon's: what is
                wrong in the file, or the traceback of the script.
        """
        __tracebackhide__ = True
        words = ["--all-traffic"] if all_traffic else []
        create = ["online-deployment", "create", "-e", self.name, "-f", self._file(deployment)]
        self._loop.run(self._control.command([*create, *words]))

    def score(self, body: object = b"{}", deployment: str | None = None) -> Reply:
        """Sends one request; how it ended, good or bad.

        Args:
            body: bytes as they are, a file's content (Path), anything else as JSON.
            deployment: names one, whatever the traffic; None lets the traffic rules choose.
        """
        __tracebackhide__ = True
        headers = {DEPLOYMENT_HEADER: deployment} if deployment is not None else None
        return self._loop.run(self._client(encoded(body)).send(headers))

    def logs(self, deployment: str) -> str:
        """What a deployment's instances have written: the script's prints and tracebacks."""
        __tracebackhide__ = True
        named = ["-n", deployment, "-e", self.name, "--lines", str(LOG_LINES)]
        return self._loop.run(self._control.command(["online-deployment", "get-logs", *named]))

    def roll_out(
        self,
        plan: Sequence[Mapping[str, object]] | Path | str,
        load: Load | None = None,
        create: Iterable[Deployable] = (),
    ) -> Rollout:
        """Carries out a plan under load, step by step; who answered what.

        Clients call while a step is carried out. Once it is in force, ``load.requests`` live
        requests are sent, from the begin of a block of 100, so that shares are exact.

        Args:
            plan: steps in the words of `turnout simulate`'s timelines, or a scenario's file.
            load: what clients send.
            create: the deployments that ``create`` steps name.

        Raises:
            BadRequest: the plan is wrong; nothing was done.
            HarnessError: the daemon refused a step, or could not do it.
            AssertionError: an ``expect`` of the plan does not hold; all steps were done.
        """
        __tracebackhide__ = True
        load = load or Load()
        files = dict(self._created(create))
        steps = read_plan(plan, self.name, set(files), self._scripted)
        conductor = Conductor(
            self._control,
            self.name,
            self.id,
            self._folder,
            files,
            self._client(load.body_bytes),
            load,
        )
        rollout = Rollout()
        for step in steps:
            rollout.steps.append(self._loop.run(conductor.perform(step)))
        rollout.assert_expected()
        return rollout

    def _client(self, body: bytes) -> ScoringClient:
        return ScoringClient(self._control.session, self.scoring_uri, self.key, body)

    def _created(self, deployments: Iterable[Deployable]) -> Iterable[tuple[str, str]]:
        for deployment in deployments:
            file = self._file(deployment)
            if isinstance(deployment, Script | Scripted):
                yield deployment.name, file
            else:
                yield str(read_yaml(Path(file)).get("name")), file

    def _file(self, deployment: Deployable) -> str:
        if isinstance(deployment, Path | str):
            return str(deployment)
        if isinstance(deployment, Scripted):
            self._scripted.add(deployment.name)
        return str(deployment.write(self._folder))
