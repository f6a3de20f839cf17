"""Scoring scripts that several tests host."""

ECHO = """
import json
def init(): pass
def run(raw): return json.loads(raw)
"""

# Waits for a file, so that the test decides when; says how many run() there are at once, in
# whatever processes.
GATED = """
import json, os, time, uuid
here = os.path.dirname(os.environ["AML_APP_ROOT"])
runs = os.path.join(here, "runs")
os.makedirs(runs, exist_ok=True)
def wait_for(name):
    while not os.path.exists(os.path.join(here, name)):
        time.sleep(0.001)
def init():
    if os.environ.get("HOLD_INIT"): wait_for("init-may-return")
def run(raw):
    mine = os.path.join(runs, str(uuid.uuid4()))
    open(mine, "w").close()
    seen = len(os.listdir(runs))
    open(os.path.join(here, f"running-{seen}"), "w").close()
    wait_for(json.loads(raw))
    seen = max(seen, len(os.listdir(runs)))
    os.remove(mine)
    return seen
"""
