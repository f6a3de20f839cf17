"""A daemon of one's own, commands typed at it and load on it: what the demo is made with."""
