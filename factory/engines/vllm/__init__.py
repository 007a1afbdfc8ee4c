"""Prompts and a JSON schema in, completions with log probabilities out, on vLLM's async engine.

engine · options · grammars · clock
"""
