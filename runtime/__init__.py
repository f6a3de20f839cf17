"""The process that hosts one scoring script behind gRPC. Imports the stubs, never `router`."""
