"""Prompts in, canned copy out, the same for the same seed: for tests of faults, scale and logic, and for trying a job without
a model.

engine · canned_copy · canned · hostile_answers · poison
"""
