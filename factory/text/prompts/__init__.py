"""A request in, chat messages and a JSON schema out; the model's answer in, fields out. Judges nothing.

builder · answer_schema · character_patterns · answers
"""
