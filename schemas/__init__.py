"""The ground: data models only. Imports pydantic and the standard library; no I/O, no clock, no randomness."""
