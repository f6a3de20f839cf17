"""Requests of the load, what the scoring script makes of them, and how they can end."""

import hashlib
import json
import random
from enum import StrEnum
from typing import NamedTuple

NAMES = ("blue", "green", "red")
# Of the article's deployments, each answers with its name, its version and a digest that only
# one who has read the whole request can know.
SCRIPT = """
import hashlib, json, os, time

NAME, VERSION = os.environ["CHAOS_NAME"], os.environ["CHAOS_VERSION"]

def init():
    pass

def run(raw):
    asked = json.loads(raw)
    time.sleep(asked["sleep_ms"] / 1000)
    digest = hashlib.sha256(f"{raw} {NAME} {VERSION}".encode()).hexdigest()
    return {"name": NAME, "version": int(VERSION), "pid": os.getpid(),
            "digest": digest * asked["repeat"]}
"""
PINNED_SHARE = 0.1
SLOW_SHARE, SLOW_MS = 0.15, 30
# Sizes in bytes, and how many of a thousand requests have them. A large one travels in parts.
SIZES = ((0, 960), (20_000, 35), (400_000, 5))
LARGE_ANSWER_SHARE, REPEATS = 0.02, 1500


class Drawn(NamedTuple):
    """A request to be sent.

    Attributes:
        repeat: how often its answer repeats the digest.
        pinned: the deployment that its header names, if one.
    """

    body: bytes
    repeat: int
    pinned: str | None


class Asked(NamedTuple):
    """A request as it was sent; a Drawn, with which key, and when."""

    number: int
    body: bytes
    repeat: int
    pinned: str | None
    key: str
    sent_s: float


class How(StrEnum):
    """The ways in which a request can end for its client."""

    ANSWERED = "answered"
    BROKEN = "the connection broke"
    REFUSED = "no connection"
    ABANDONED = "the client broke the connection"
    UNANSWERED = "no answer"


class Over(NamedTuple):
    """The connection that a request went over.

    Attributes:
        port: of the client's end; 0 if it was never made.
        opened_s: when the client began to make it.
        connected_s: when the client heard that it is made, or not.
        idle_s: for how long nothing was on it when the request was sent.
    """

    port: int
    opened_s: float
    connected_s: float
    idle_s: float = 0.0


class Ended(NamedTuple):
    """How a request ended.

    Attributes:
        status: of the answer; 0 without one.
        deployment: that the answer's header names, or nothing.
        words: of the error, if there is no answer.
    """

    how: How
    ended_s: float
    over: Over
    status: int = 0
    deployment: str = ""
    body: bytes = b""
    words: str = ""


def draw_request(rng: random.Random, number: int) -> Drawn:
    """What to ask; no two are alike."""
    (size,) = rng.choices([s for s, _ in SIZES], [share for _, share in SIZES])
    repeat = REPEATS if rng.random() < LARGE_ANSWER_SHARE else 1
    sleep_ms = rng.randrange(1, SLOW_MS) if rng.random() < SLOW_SHARE else 0
    asked = {
        "nonce": f"{number} {rng.getrandbits(128):032x}",
        "sleep_ms": sleep_ms,
        "repeat": repeat,
        "padding": "x" * size,
    }
    pinned = rng.choice(NAMES) if rng.random() < PINNED_SHARE else None
    return Drawn(json.dumps(asked).encode(), repeat, pinned)


def expected_digest(asked: Asked, name: str, version: int) -> str:
    """What that deployment's script must answer."""
    text = f"{asked.body.decode()} {name} {version}"
    return hashlib.sha256(text.encode()).hexdigest() * asked.repeat
