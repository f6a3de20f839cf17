"""Everything that decides, and nothing that acts.

No sockets, no clock, no randomness of its own: time comes in as integer nanoseconds
and random bits from a generator that the caller seeds. The daemon and the simulator
drive these same objects. Imports: the standard library and msgspec only.
"""
