"""Accepted copy and a picture slot in, a checked creative and its file out. Who calls it, and in which process, is the
business of `pipeline`.

setup · tasks · creative_maker · picture_writer · brand · layouts · product · backdrops · compose · checks · files · slots ·
colors · types
"""
