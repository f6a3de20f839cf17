"""The invariants of DESIGN.md, watched from outside during a run.

Nothing here shares code with the core: a rule that the core has wrong must not be wrong here
in the same way. Checkers get plain values, and say what they miss by raising Broken.
"""
