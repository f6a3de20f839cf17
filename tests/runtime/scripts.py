"""Scoring scripts that several tests host."""

ECHO = """
import json
def init(): pass
def run(raw): return json.loads(raw)
"""

# Waits for a file, so that the test decides when; says how many run() there are at once.
GATED = """
import json, os, threading, time
here = os.path.dirname(os.environ["AML_APP_ROOT"])
lock, running = threading.Lock(), 0
def wait_for(name):
    while not os.path.exists(os.path.join(here, name)):
        time.sleep(0.001)
def init():
    if os.environ.get("HOLD_INIT"): wait_for("init-may-return")
def run(raw):
    global running
    with lock:
        running += 1
        seen = running
    open(os.path.join(here, f"running-{seen}"), "w").close()
    wait_for(json.loads(raw))
    with lock:
        seen = max(seen, running)
        running -= 1
    return seen
"""
