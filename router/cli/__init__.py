"""The `turnout` command: a client of the REST API. May import the core's config types."""
