"""Relevance: does the copy speak of what the brief is about?"""

import math

from factory.text.scores.embeddings import Vectors


def score_relevance(candidate: Vectors, brief: Vectors) -> float:
    """Return the cosine between the brief's vector and the candidate's, negative ones as 0.

    `candidate` has one row for each text that stands for it, all of length 1; their mean is its vector. The value is
    used as it is: with all-MiniLM-L6-v2 copy on the brief's subject reaches 0.5 to 0.9, generic copy ("Great quality,
    order today") 0.1 to 0.2, and a text of another subject stays under 0.1. Sentence embeddings compared by cosine:
    Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084. The model knows English; see `engines/minilm.py`.
    """
    if len(candidate) == 1:
        return max(0.0, float(candidate[0] @ brief))
    mean = candidate.sum(axis=0)
    length = math.sqrt(float(mean @ mean))
    return max(0.0, float(mean @ brief) / length) if length else 0.0
