"""A run's summary for people and machines: tables for a terminal, JSON, a page with charts."""
