"""Pixels in, the bytes of a file out: within its budget, stamped, signed. Writes nothing to storage.

encode · provenance · xmp · sign · thumbnail
"""
