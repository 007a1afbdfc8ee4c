"""The best sets of a set placement, put together from the passing items of all candidates. Pure: no model, no checks.

Each field is filled by greedy maximal marginal relevance, after the items that the set cannot do without.
"""

import re
from typing import Any

from factory.text.lengths import count
from factory.text.scores.embeddings import EmbeddingTable, Vectors, strip_disclaimer, summarize_brief
from schemas.job import SelectConfig
from schemas.outcome import Fields, Outcome
from schemas.placement import Placement, TextField

# Weight of quality against redundancy (lambda of Carbonell and Goldstein 1998, https://doi.org/10.1145/290941.291025).
RELEVANCE_SHARE = 0.7
SAME = 0.9999  # cosine from which two texts are the same

_MARKS = re.compile(r"[\W_]+")
_ASCII_MARKS = bytes(code for code in range(128) if not chr(code).isalnum())


def build_sets(outcome: Outcome, placement: Placement, config: SelectConfig, table: EmbeddingTable) -> list[Fields]:
    """Return up to `config.keep` sets of items from `outcome.pool`, best first; fewer, or none, when items run out.

    A set honours each field's counts, short items, dependencies and folded uniqueness, the brief's must_include
    phrases and the legal line. Once a field has its minimum, an item closer than `config.min_distance` to a chosen one
    is left out. No item is used twice, unless a must_include phrase is nowhere else.
    """
    builder = _SetBuilder(outcome, placement, config, table)
    sets: list[Fields] = []
    while builder.num_items and len(sets) < config.keep:
        fields = builder.build()
        if fields is None:
            break
        sets.append(fields)
    return sets


class _SetBuilder:
    """The pool as parallel lists with one place for each item, and the state of the set that is being made."""

    def __init__(self, outcome: Outcome, placement: Placement, config: SelectConfig, table: EmbeddingTable) -> None:
        brief = outcome.request.brief
        self._placement = placement
        self._phrases = [phrase.casefold() for phrase in brief.must_include if phrase]
        self._limit = min(1.0 - config.min_distance, SAME)
        self._carried = _collect_carried(outcome, placement)
        self._texts: list[str] = []
        self._names: list[str] = []
        self._places: dict[str, range] = {}  # of each field
        self._room: dict[str, int] = {}  # items that a field takes beside those that code puts there
        bare: list[str] = []
        for field in placement.written:
            for text in outcome.pool.get(field.name, ()):
                written = strip_disclaimer(text, brief.disclaimer)
                if any(map(str.isalnum, written)):  # without a letter there is nothing to tell items apart by
                    self._texts.append(text)
                    self._names.append(field.name)
                    bare.append(written)
            start = sum(map(len, self._places.values()))
            self._places[field.name] = range(start, len(bare))
            self._room[field.name] = field.max_count - len(self._carried.get(field.name, ()))
        self.num_items = len(bare)
        self._folded = [_fold(text) for text in bare]
        self._used: set[int] = set()
        if bare:
            vectors = table.lookup_all(bare)
            self._quality: list[float] = _round(vectors @ table.lookup(summarize_brief(outcome.request)))
            self._similarity: list[list[float]] = _round(vectors @ vectors.T)

    def build(self) -> Fields | None:
        """Return the next set, or None when the items that are left cannot make one."""
        self._chosen: dict[str, list[int]] = {field.name: [] for field in self._placement.written}
        self._taken: set[str] = set()
        self._likeness = [0.0] * self.num_items  # highest cosine to a chosen item of the same field
        self._force_phrases()
        for field in self._placement.written:
            if not self._force_short(field) or not self._fill(field):
                return None
        fields = self._write()
        if fields is not None:
            self._used.update(place for places in self._chosen.values() for place in places)
        return fields

    def _force_phrases(self) -> None:
        for phrase in self._phrases:
            texts = [self._texts[place] for places in self._chosen.values() for place in places]
            texts += [text for carried in self._carried.values() for text in carried]
            if any(phrase in text.casefold() for text in texts):
                continue
            holders = [i for i, text in enumerate(self._texts) if phrase in text.casefold() and self._fits(i)]
            fresh = [i for i in holders if i not in self._used]
            if holders:
                self._take(max(fresh or holders, key=lambda i: self._quality[i]))

    def _force_short(self, field: TextField) -> bool:
        if field.short is None:
            return True
        most = field.short.max
        present = sum(self._is_short(i, field, most) for i in self._chosen[field.name])
        for _ in range(present, field.short.count):
            places = [i for i in self._list_free(field.name) if self._is_short(i, field, most)]
            if not places:
                return False
            self._take(max(places, key=self._value))
        return True

    def _fill(self, field: TextField) -> bool:
        """Add items by marginal relevance; too similar ones only while the minimum is not reached."""
        chosen = self._chosen[field.name]
        least = field.min_count - len(self._carried.get(field.name, ()))
        while places := self._list_free(field.name):
            different = [i for i in places if self._likeness[i] <= self._limit]
            if not different and len(chosen) >= least:
                break
            self._take(max(different or places, key=self._value))
        return len(chosen) >= least

    def _write(self) -> Fields | None:
        fields: Fields = {}
        for field in self._placement.fields:
            items = [self._texts[place] for place in self._chosen.get(field.name, ())]
            items += self._carried.get(field.name, ())
            if items and field.requires and field.requires not in fields:
                if field.min_count > 0:
                    return None
                continue
            if items:
                fields[field.name] = items
        return fields

    def _list_free(self, name: str) -> list[int]:
        if len(self._chosen[name]) >= self._room[name]:
            return []
        return [i for i in self._places[name] if i not in self._used and self._folded[i] not in self._taken]

    def _fits(self, place: int) -> bool:
        name = self._names[place]
        return len(self._chosen[name]) < self._room[name] and self._folded[place] not in self._taken

    def _is_short(self, place: int, field: TextField, most: int) -> bool:
        return count(self._texts[place], field.counting) <= most

    def _value(self, place: int) -> float:
        return RELEVANCE_SHARE * self._quality[place] - (1 - RELEVANCE_SHARE) * self._likeness[place]

    def _take(self, place: int) -> None:
        name = self._names[place]
        self._chosen[name].append(place)
        self._taken.add(self._folded[place])
        row, likeness = self._similarity[place], self._likeness
        for other in self._places[name]:
            if row[other] > likeness[other]:
                likeness[other] = row[other]


def _collect_carried(outcome: Outcome, placement: Placement) -> Fields:
    """Return what code and not the model put into the candidates: fixed fields, and the legal line as its own item."""
    disclaimer = outcome.request.brief.disclaimer
    carried: Fields = {}
    for field in placement.fields:
        for candidate in outcome.candidates:
            items = candidate.fields.get(field.name, [])
            if field.source == "model":
                items = [disclaimer] if disclaimer and disclaimer in items else []
            if items:
                carried[field.name] = items
                break
    return carried


def _round(values: Vectors) -> Any:
    """Return nested lists rounded to 4 digits: below that, a model's answer depends on what else was in its batch."""
    return values.round(4).tolist()


def _fold(text: str) -> str:
    """Return what makes two items the same to a reader: letters and digits, without case, spaces and marks."""
    if text.isascii():
        return text.lower().encode().translate(None, _ASCII_MARKS).decode() or text
    return _MARKS.sub("", text.casefold()) or text
