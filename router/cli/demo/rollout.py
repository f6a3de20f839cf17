"""The script of the show: the article's safe rollout, step by step."""

import json

from router.cli.demo.checks import Expected
from router.cli.demo.stage import Stage

ENDPOINT = "my-endpoint"
BLUE = {"blue": 100}
GREEN = {"green": 100}
# The parts of long answers that the show is about.
STATE = '--query "{instances: instance_count, state: provisioning_state}"'
RULES = '--query "{live: traffic, mirrored: mirror_traffic}"'


async def create_blue(stage: Stage) -> None:
    """Up to the moment when blue has all traffic."""
    await stage.run(
        "Create the endpoint",
        f"turnout ml online-endpoint create --name {ENDPOINT} -f endpoint.yml {RULES}",
    )
    await stage.run(
        "Create blue, all traffic",
        f"turnout ml online-deployment create --name blue --endpoint {ENDPOINT} "
        f"-f blue-deployment.yml --all-traffic {STATE}",
    )


async def roll_out_green(stage: Stage) -> None:
    """From blue to green while clients keep calling."""
    await stage.sample(Expected(BLUE, {}))
    await stage.run(
        "Invoke",
        f"turnout ml online-endpoint invoke --name {ENDPOINT} --request-file sample-request.json",
    )
    await stage.run(
        "Scale blue to 2",
        f"turnout ml online-deployment update --name blue --endpoint {ENDPOINT} "
        f"--set instance_count=2 {STATE}",
    )
    await stage.sample(Expected(BLUE, {}))
    await _try_green(stage)
    await _shift_to_green(stage)


async def delete_endpoint(stage: Stage) -> None:
    """The end, with no client left."""
    await stage.run(
        "Delete the endpoint", f"turnout ml online-endpoint delete --name {ENDPOINT} --yes"
    )


async def _try_green(stage: Stage) -> None:
    await stage.run(
        "Create green, no traffic",
        f"turnout ml online-deployment create --name green --endpoint {ENDPOINT} "
        f"-f green-deployment.yml {STATE}",
    )
    await stage.sample(Expected(BLUE, {}))
    shown = await stage.run(
        "Show traffic", f"turnout ml online-endpoint show -n {ENDPOINT} --query traffic"
    )
    stage.expect({"blue": 100, "green": 0}, json.loads(shown), "the traffic shown")
    await stage.run(
        "Invoke green by name",
        f"turnout ml online-endpoint invoke --name {ENDPOINT} --deployment-name green "
        "--request-file sample-request.json",
    )
    await stage.call_directly("green")
    await stage.sample(Expected(BLUE, {}))


async def _shift_to_green(stage: Stage) -> None:
    update = f"turnout ml online-endpoint update --name {ENDPOINT}"
    await stage.run("Mirror 10 % to green", f'{update} --mirror-traffic "green=10" {RULES}')
    await stage.sample(Expected(BLUE, {"green": 10}))
    # A deployment has live or mirrored traffic, never both.
    await stage.run("Mirror nothing", f'{update} --mirror-traffic "green=0" {RULES}')
    await stage.sample(Expected(BLUE, {}))
    await stage.run("Split 90/10", f'{update} --traffic "blue=90 green=10" {RULES}')
    split = {"blue": 90, "green": 10}
    await stage.sample(Expected(split, {}))
    await stage.record(split)
    await stage.run("Switch to green", f'{update} --traffic "blue=0 green=100" {RULES}')
    await stage.sample(Expected(GREEN, {}))
    await stage.run(
        "Delete blue",
        f"turnout ml online-deployment delete --name blue --endpoint {ENDPOINT} --yes",
    )
    await stage.sample(Expected(GREEN, {}))
