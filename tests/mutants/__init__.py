"""Bugs to plant, and the script that does it: `make mutants`."""
