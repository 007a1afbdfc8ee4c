"""A seed, a size and a colourway in, a drawn ground out: arithmetic only, no model.

engine · canvas · palette · patterns · shapes · soft
"""
