"""The `turnout` command: a client of the control plane's REST API.

Its way in is main.py. A module for each noun (online_endpoint.py, online_deployment.py)
holds its verbs; what verbs share stands in a module for each idea.
"""
