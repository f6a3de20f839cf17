"""Users of an endpoint: what they send, and what they take for a failure.

Which deployment served whom is noted in SERVED, for the checks of rollout.py.
"""

import json
from collections import Counter

from locust import FastHttpUser, constant, task

DEPLOYMENT_HEADER = "azureml-model-deployment"
ROW = [0.038, 0.051, 0.062, 0.022, -0.044, -0.035, -0.043, -0.003, 0.02, -0.018]
SMALL_ROWS, LARGE_ROWS = 2, 2000
STATUS_OK = 200

# Live requests by the deployment that answered, ever.
SERVED: Counter[str] = Counter()


class ScoringUser(FastHttpUser):
    """What all have in common: the endpoint, its key and a body of ``rows`` rows."""

    abstract = True
    wait_time = constant(0.01)
    rows = SMALL_ROWS

    def on_start(self) -> None:
        """Prepares what is the same in each request."""
        options = self.environment.parsed_options
        self.path = f"/{options.endpoint}/score"
        self.body = json.dumps({"data": [ROW] * self.rows})
        self.headers = {
            "Authorization": f"Bearer {options.key}",
            "Content-Type": "application/json",
        }

    def score(self, name: str, deployment: str | None = None) -> str | None:
        """Sends one request; returns who answered, None if it failed."""
        pin = {DEPLOYMENT_HEADER: deployment} if deployment else {}
        with self.client.post(
            self.path, data=self.body, headers=self.headers | pin, name=name, catch_response=True
        ) as response:
            if response.status_code != STATUS_OK:
                response.failure(f"{response.status_code} {response.text!r:.200}")
                return None
            served = str(response.headers[DEPLOYMENT_HEADER])
            if deployment not in {None, served}:
                response.failure(f"expected {deployment} to answer, got {served}")
            if len(response.json()) != self.rows:
                response.failure(f"expected {self.rows} numbers, got {response.text!r:.80}")
        return served


class LiveUser(ScoringUser):
    """Small live requests, one after the other: most of the load."""

    weight = 8

    @task
    def live(self) -> None:
        """Whoever the traffic rules choose answers."""
        if served := self.score("live"):
            SERVED[served] += 1


class LargeBodyUser(ScoringUser):
    """Live requests of some 150 kB."""

    weight = 1
    rows = LARGE_ROWS
    wait_time = constant(0.2)

    @task
    def large(self) -> None:
        """Counts in the shares like any live request."""
        if served := self.score("large"):
            SERVED[served] += 1


class DirectUser(ScoringUser):
    """Names blue in its header, which must answer whatever the traffic."""

    weight = 1

    @task
    def direct(self) -> None:
        """Counts in no share."""
        self.score("direct", deployment="blue")
