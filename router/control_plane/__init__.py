"""The process that owns the state: API, store, supervisor. May import the core and the stubs."""

import os

# gRPC reads it when it is first imported. Without it, it prints a line each time that an
# instance closes its connection. Workers and instances inherit it.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
