"""Texts in, unit vectors out.

minilm · hashing
"""
