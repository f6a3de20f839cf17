"""`turnout demo`: a whole rollout on real processes, under load, checked to the request.

rollout.py is the script of the show; the others are its means: the daemon, the commands,
the load, samples of live requests, what must hold of them, and what is printed.
"""
