"""`turnout demo`: a whole rollout on real processes, under load, checked to the request.

rollout.py is the script of the show; the others are its means: samples of live requests, what
must hold of them, and what is printed. Daemon, commands and load are router/testing/'s.
"""
