"""Diversity: do the items of a set, or the assets of a brief, say different things in different words?"""

from collections.abc import Collection, Sequence

from factory.text.scores.words import split_words

_NO_WORDS: frozenset[str] = frozenset()


def diversity_in_set(items: Sequence[str]) -> float | None:
    """Return 1 minus the mean likeness of each item to the one most like it; None for fewer than two items.

    The nearest one counts, not the average over all pairs: among fifteen headlines one repeated pair would drown.
    """
    if len(items) < 2:
        return None
    nearest = [0.0] * len(items)
    for i, first in enumerate(items):
        for j in range(i):
            likeness = _compare(first, items[j])
            if likeness > nearest[i]:
                nearest[i] = likeness
            if likeness > nearest[j]:
                nearest[j] = likeness
    return 1.0 - sum(nearest) / len(items)


def diversity_of_fields(fields: Collection[Sequence[str]]) -> float | None:
    """Return the mean of `diversity_in_set` over the fields that hold several items, each item counting once."""
    total = 0.0
    num_items = 0
    for items in fields:
        value = diversity_in_set(items)
        if value is not None:
            total += value * len(items)
            num_items += len(items)
    return total / num_items if num_items else None


def distance_to_others(items: Sequence[str], others: Sequence[Sequence[str]]) -> float | None:
    """Return 1 minus the likeness of the asset made of `items` to the nearest one in `others`; None without others.

    All items of an asset are taken as one text, so that assets of different placements can be compared as well.
    """
    ours = _join_words(items)
    likenesses = [_overlap(ours, _join_words(other)) for other in others if other]
    return 1.0 - max(likenesses) if ours and likenesses else None


def _compare(first: str, second: str) -> float:
    return float(first == second) or _overlap(split_words(first), split_words(second))


def _join_words(items: Sequence[str]) -> frozenset[str]:
    return _NO_WORDS.union(*map(split_words, items))


def _overlap(ours: frozenset[str], theirs: frozenset[str]) -> float:
    """Return the Jaccard index of two sets of content words: stems, or character pairs where a script has no spaces.

    As the resemblance of texts: Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900.
    """
    common = len(ours & theirs)
    union = len(ours) + len(theirs) - common
    return common / union if union else 0.0
