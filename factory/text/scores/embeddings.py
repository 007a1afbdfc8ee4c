"""Vectors of the texts of a batch, made in one call and looked up by score and select.

Says which texts of an outcome are measured at all: what the model wrote, without the fixed fields and the disclaimer.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from factory.engines.base import Embedder
from schemas.brief import Brief
from schemas.outcome import Fields, Outcome
from schemas.placement import Placement
from schemas.request import Request

Vectors = npt.NDArray[np.float32]

SUMMARY_DESCRIPTION = 300  # characters of the description: its start says what the thing is, and time goes by length


class EmbeddingTable:
    """Unit vectors by text. `lookup` raises KeyError for a text that was not in the batch."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        self._rows = {text: row for row, text in enumerate(texts)}
        self._vectors = vectors

    def lookup(self, text: str) -> Vectors:
        """Return the vector of one text."""
        vector: Vectors = self._vectors[self._rows[text]]
        return vector

    def lookup_all(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, one row each."""
        rows = self._rows
        vectors: Vectors = self._vectors[[rows[text] for text in texts]]
        return vectors


def embed_texts(
    outcomes: Iterable[Outcome], placements: Mapping[str, Placement], embedder: Embedder
) -> EmbeddingTable:
    """Embed all that scoring and selecting `outcomes` will look up, in one call of the model.

    That is the briefs' summaries, the passing candidates' texts and the pools' items.
    """
    texts: dict[str, None] = {}
    for outcome in outcomes:
        if outcome.quarantine is not None:
            continue
        placement = placements[outcome.request.placement]
        brief = outcome.request.brief
        wanted = [
            list_embedded(list_items(candidate.fields, placement, brief), placement)
            for candidate in outcome.candidates
            if candidate.passed
        ]
        if placement.is_set:
            wanted.extend(list_items(outcome.pool, placement, brief).values())
        if any(wanted):
            texts[summarize_brief(outcome.request)] = None
            for found in wanted:
                texts.update(dict.fromkeys(found))
    distinct = list(texts)
    return EmbeddingTable(distinct, embedder.embed(distinct))


def list_items(fields: Fields, placement: Placement, brief: Brief) -> dict[str, list[str]]:
    """Return what the model wrote, by field in the placement's order, without empty items and the legal line."""
    items = {}
    for field in placement.fields:
        texts = fields.get(field.name) if field.source == "model" else None
        if texts:
            stripped = [strip_disclaimer(text, brief.disclaimer) for text in texts] if brief.disclaimer else texts
            kept = [text for text in stripped if text]
            if kept:
                items[field.name] = kept
    return items


def strip_disclaimer(text: str, disclaimer: str) -> str:
    """Return `text` without the legal line at its end, which code put there; "" when it is nothing else."""
    return text.removesuffix(disclaimer).rstrip() if disclaimer else text


def list_embedded(items: dict[str, list[str]], placement: Placement) -> list[str]:
    """Return the texts that stand for a candidate with these items: each item on a set placement, else all as one."""
    texts = [text for found in items.values() for text in found]
    return texts if placement.is_set or not texts else ["\n".join(texts)]


def summarize_brief(request: Request) -> str:
    """Return the brief in a few sentences, the way relevance reads it: what it is, what is said of it, for whom."""
    brief = request.brief
    segment = request.segment
    parts = [
        f"{brief.product_name} by {brief.brand}" if brief.brand else brief.product_name,
        brief.category,
        brief.description[:SUMMARY_DESCRIPTION],
        *brief.key_messages,
        brief.offer.text,
        f"For {segment.name}: {segment.needs}" if segment else "",
    ]
    return ". ".join(part.rstrip(". ") for part in parts if part)
