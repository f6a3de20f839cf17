"""The work that every contender does, and where everything runs."""

ROUTER_CORE = 0
# The load generator and everything behind the router share the other one.
LOAD_CORE = 1

ENDPOINT = "bench"
# As long as Turnout's, which makes its own.
KEY = "a-key-of-forty-four-characters-like-the-real"
# 56 bytes: one row of a small model.
BODY = b'{"data": [[0.038, 0.051, 0.062, 0.022, -0.044, -0.035]]}'
ANSWER = "[151.7, 97.2]"
PATH = f"/{ENDPOINT}/score"
DEPLOYMENTS = ("blue", "green", "shadow")
LIVE_PERCENT = {"blue": 90, "green": 10}
MIRROR_PERCENT = 10


def headers(key: str) -> dict[str, str]:
    """What a client sends."""
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
