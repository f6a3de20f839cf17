"""The router inside a program of your own: a rollout without a daemon.

    python examples/embedding.py

Brings up both models, sends requests while traffic moves from blue to green, and prints who
answered them.
"""

import asyncio
from collections import Counter
from pathlib import Path

from router import Router
from router.core.config import DaemonConfig, Declaration

HERE = Path(__file__).parent
CONFIG = DaemonConfig(
    endpoints=[
        Declaration(
            endpoint="endpoint.yml",
            deployments=["blue-deployment.yml", "green-deployment.yml"],
            traffic={"blue": 100},
        )
    ]
)


async def main() -> None:
    """Runs the rollout."""
    body = (HERE / "sample-request.json").read_bytes()
    async with Router(CONFIG, base_dir=HERE) as router:
        for traffic in ({"blue": 100}, {"blue": 90, "green": 10}, {"green": 100}):
            await router.set_traffic("my-endpoint", traffic)
            answers = [await router.score("my-endpoint", body) for _ in range(100)]
            print(traffic, "->", dict(Counter(answer.deployment for answer in answers)))
        direct = await router.score("my-endpoint", body, deployment="blue")
        print("blue, called by name:", direct.body.decode())


if __name__ == "__main__":
    asyncio.run(main())
