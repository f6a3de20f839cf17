"""The process that owns the state: API, store, supervisor. May import the core and the stubs."""
