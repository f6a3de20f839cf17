"""The journal: everything that entered one worker's core, and everything it decided.

events.py says what is written, tape.py in which order, recording.py and ports.py stand around
a dispatcher and write it. Files are the data plane's; sim/replay/ plays a journal to the same
core again and compares. Bodies, headers, keys and tokens are not in it.
"""
