"""The worker: HTTP in, gRPC out, wired to the core. May import the core and the stubs."""
