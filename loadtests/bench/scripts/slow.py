"""Answers after SLEEP_MS (an environment variable) without using the processor."""

import os
import time

sleep_s = 0.0


def init() -> None:
    """Reads the time."""
    global sleep_s
    sleep_s = float(os.environ["SLEEP_MS"]) / 1000


def run(raw_data: str) -> list[float]:
    """Two numbers, later."""
    time.sleep(sleep_s)
    return [151.7, 97.2]
