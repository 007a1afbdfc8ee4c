"""Accepted texts in, how unlike they are out: within a brief as a score, over the whole run as pairs. Rejects nothing.

within_brief · similar_pairs
"""
