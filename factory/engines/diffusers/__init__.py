"""Picture prompts in, pixels out, by a text-to-image pipeline of diffusers.

engine · call · devices · files · sizes
"""
