"""Prompts in, completions, vectors or pixels out: one folder a vendor behind the protocols of `base`. Knows no job and no
storage but model files.

base · vllm · diffusers · scripted · embedders · models · process_guard
"""
