"""Replays a rollout in virtual time, by the very core that the daemon runs."""
