"""Load tests with locust: users, a shape, and a rollout that must go unnoticed.

Only public interfaces are used: HTTP for scoring, the `turnout` command for changes.
"""
