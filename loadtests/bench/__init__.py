"""The side-by-side benchmark: the same work through Turnout and through others, in one go.

`make bench` runs all of it; `python -m loadtests.bench --help` says how to run a part.
What is compared, and how each number can mislead, is in loadtests/results/README.md.
"""
