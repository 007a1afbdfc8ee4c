"""Candidates in, soft scores 0..1 and their weighted total out; each file says what it measures, its formula and source.
Rejects nothing.

scorer · relevance · specificity · readability · fluency · diversity · judge · embeddings · syllables · words
"""
