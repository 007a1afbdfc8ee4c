"""A prompt or a seed and a size in, a backdrop out, by whichever engine. Composes nothing.

draw · start_images · color_names · procedural
"""
