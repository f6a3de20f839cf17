"""Plays a worker's journal to the core again: the same calls must bring the same decisions."""
