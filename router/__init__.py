"""The router: core (decides), data plane (workers), control plane (state) and CLI."""
