"""Fluency: how natural was the text to the model that wrote it?"""

import math


def score_fluency(mean_logprob: float | None) -> float | None:
    """Return exp(mean_logprob): the geometric mean of the tokens' probabilities, the inverse of perplexity.

    `mean_logprob` is in natural logarithms. Sampled copy of a small model gives about 0.3, confident text 0.7 and
    more. None when the engine told nothing. Perplexity: Jelinek et al. 1977, https://doi.org/10.1121/1.2016299.
    """
    if mean_logprob is None or math.isnan(mean_logprob):
        return None
    return math.exp(min(0.0, mean_logprob))
