"""Environments: the Python in which a deployment's instances run, built from its conda file.

conda_file.py reads the file, pythons.py finds an interpreter, builder.py builds; the cache
of what was built is in cache.py.
"""
