"""Pooled sets: the most relevant and different items, within the placement's rules, or no set."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.engines.embedders.hashing import HashingEmbedder
from factory.text.lengths import count
from factory.text.pooling import build_sets
from factory.text.scores.embeddings import embed_texts
from schemas.job import SelectConfig
from schemas.outcome import Candidate, Fields
from schemas.placement import Placement, ShortItem, TextField
from tests.support.builders import make_brief, make_candidate, make_outcome, make_placement, make_request

HEADLINES = ["Waterproof Leather Boots", "Comfort on Long Walks", "Boots From Daybird", "Cushioned Insole Inside"]
DESCRIPTIONS = ["A durable rubber sole for the trail.", "Save on hiking footwear this autumn."]


def pool_sets(
    pool: Fields, placement: Placement, candidates: list[Candidate] | None = None, **changes: Any
) -> list[Fields]:
    config = SelectConfig(keep=changes.pop("keep", 1), min_distance=changes.pop("min_distance", 0.15))
    request = make_request(brief=make_brief(**changes))
    outcome = make_outcome(request=request, pool=pool, candidates=candidates or [make_candidate(0, fields=pool)])
    return build_sets(
        outcome, placement, config, embed_texts([outcome], {"test_search": placement}, HashingEmbedder())
    )


def test_similar_items_are_left_out_once_the_minimum_is_reached() -> None:
    pool = {"headline": [*HEADLINES[:3], "Waterproof leather boots now"], "description": DESCRIPTIONS}
    (fields,) = pool_sets(pool, make_placement(), min_distance=0.2)
    assert sorted(fields["headline"]) == sorted(HEADLINES[:3])
    needs_four = make_placement(
        fields=[TextField(name="headline", min_count=4, max_count=15, max=30), make_placement().fields[1]]
    )
    (fields,) = pool_sets(pool, needs_four, min_distance=0.2)
    assert len(fields["headline"]) == 4


def test_no_set_holds_more_than_the_maximum_and_the_relevant_items_go_first() -> None:
    placement = make_placement(fields=[TextField(name="headline", min_count=1, max_count=2, max=40)])
    (fields,) = pool_sets({"headline": ["Zzz Qqq Xxx", *HEADLINES, "Jjj Vvv"]}, placement, min_distance=0.0)
    assert len(fields["headline"]) == 2
    assert not {"Zzz Qqq Xxx", "Jjj Vvv"} & set(fields["headline"])


@pytest.mark.parametrize(
    "pool",
    [
        {"headline": HEADLINES[:2], "description": DESCRIPTIONS},  # three headlines are needed
        {
            "headline": [HEADLINES[0], "waterproof LEATHER boots!", HEADLINES[1]],
            "description": DESCRIPTIONS,
        },  # repeated
        {"headline": [*HEADLINES[:2], DESCRIPTIONS[0]], "description": DESCRIPTIONS},  # used up by the other field
        {"headline": HEADLINES},
        {},
    ],
)
def test_too_few_different_items_make_no_set(pool: Fields) -> None:
    assert pool_sets(pool, make_placement()) == []


def test_a_short_item_is_always_among_them() -> None:
    field = TextField(name="headline", min_count=1, max_count=2, max=30, short=ShortItem(count=1, max=10))
    placement = make_placement(fields=[field])
    (fields,) = pool_sets({"headline": [*HEADLINES, "Zzz Qqq"]}, placement)
    assert "Zzz Qqq" in fields["headline"]
    assert pool_sets({"headline": HEADLINES}, placement) == []


def test_must_include_items_are_forced_in_unless_a_chosen_one_has_them() -> None:
    placement = make_placement(fields=[TextField(name="headline", min_count=1, max_count=2, max=60)])
    pool = {"headline": [*HEADLINES, "Zzz TRAIL20 Qqq", "Www trail20"]}
    (fields,) = pool_sets(pool, placement, must_include=["Trail20", "zzz"], min_distance=0.0)
    assert "Zzz TRAIL20 Qqq" in fields["headline"]
    assert len(fields["headline"]) == 2


def test_fixed_fields_and_the_legal_line_come_from_the_candidates() -> None:
    placement = make_placement(
        fields=[
            TextField(name="brand", source="brief.brand", max=40),
            TextField(name="headline", min_count=2, max_count=3, max=40, carries_disclaimer="own_item"),
            TextField(name="path2", min_count=0, max=15, requires="path1"),
            TextField(name="path1", min_count=0, max=15),
        ]
    )
    written = {"brand": ["Daybird"], "headline": [HEADLINES[0], "Terms apply."], "path2": ["sale"]}
    pool = {"headline": [*HEADLINES, "Terms apply."], "path2": ["sale"]}
    (fields,) = pool_sets(pool, placement, [make_candidate(0, fields=written)], disclaimer="Terms apply.")
    assert list(fields) == ["brand", "headline"]  # path2 has no path1
    assert fields["brand"] == ["Daybird"]
    assert fields["headline"][-1] == "Terms apply."
    assert len(fields["headline"]) == 3


def test_the_legal_line_counts_towards_the_minimum() -> None:
    placement = make_placement(fields=[TextField(name="headline", min_count=2, max_count=3, max=40)])
    written = [make_candidate(0, fields={"headline": [HEADLINES[0], "Terms apply."]})]
    (fields,) = pool_sets({"headline": HEADLINES[:1]}, placement, written, disclaimer="Terms apply.")
    assert fields == {"headline": [HEADLINES[0], "Terms apply."]}


def test_a_legal_line_at_the_end_of_each_item_does_not_make_them_alike() -> None:
    line = "Offer ends 30 November 2026, see the terms and conditions on our site."
    placement = make_placement(fields=[TextField(name="text", min_count=2, max_count=4, max=200)])
    pool = {"text": [f"{text} {line}" for text in DESCRIPTIONS]}
    (fields,) = pool_sets(pool, placement, min_distance=0.5, disclaimer=line)
    assert sorted(fields["text"]) == sorted(pool["text"])


def test_several_sets_share_no_item() -> None:
    placement = make_placement(fields=[TextField(name="headline", min_count=2, max_count=2, max=40)])
    sets = pool_sets({"headline": [*HEADLINES, "Jjj Vvv"]}, placement, keep=3, min_distance=0.0)
    assert len(sets) == 2
    assert not set(sets[0]["headline"]) & set(sets[1]["headline"])


item = st.text(st.sampled_from("ab Z!靴é"), min_size=1, max_size=12)
pools = st.fixed_dictionaries({}, optional={name: st.lists(item, max_size=9) for name in ("headline", "text", "path")})


@settings(max_examples=150, deadline=None)
@given(
    pools, st.integers(0, 3), st.integers(0, 3), st.integers(1, 3), st.sampled_from([0.0, 0.15, 1.0]), st.booleans()
)
def test_every_set_honours_the_placement(
    pool: Fields, least: int, more: int, keep: int, min_distance: float, short: bool
) -> None:
    most = max(1, least + more)
    rule = ShortItem(count=1, max=4) if short else None
    placement = make_placement(
        fields=[
            TextField(name="headline", min_count=least, max_count=most, max=30, short=rule),
            TextField(name="path", min_count=0, max_count=1, max=30),
            TextField(name="text", min_count=0, max_count=2, max=30, requires="path"),
        ]
    )
    sets = pool_sets(pool, placement, keep=keep, min_distance=min_distance, must_include=["ab"])
    assert sets == pool_sets(pool, placement, keep=keep, min_distance=min_distance, must_include=["ab"])
    assert len(sets) <= keep
    for fields in sets:
        headlines = fields.get("headline", [])
        assert least <= len(headlines) <= most
        assert len(fields.get("path", [])) <= 1
        assert "text" not in fields or "path" in fields
        assert all(text in pool[name] for name, texts in fields.items() for text in texts)
        written = ["".join(text.casefold().split()) for texts in fields.values() for text in texts]
        assert len(set(written)) == len(written)
        assert not short or any(count(text, placement.fields[0].counting) <= 4 for text in headlines)
