"""Small, valid examples for tests: change one thing, keep the rest."""

from decimal import Decimal
from typing import Any

from schemas.brief import Brief, Claim, Offer, Segment
from schemas.outcome import Candidate, Check, Fields, Outcome, Refusal
from schemas.placement import Confidence, Counting, Placement, TextField
from schemas.request import Request
from schemas.rubric import Criterion, GoldPair, JudgeConfig, Rubric

WEIGHTS = {"relevance": 1.0, "readability": 0.5, "specificity": 1.0, "diversity": 0.5, "fluency": 0.3, "judge": 2.0}


def make_brief(**changes: Any) -> Brief:
    """A complete brief for a hiking boot in US dollars."""
    values: dict[str, Any] = {
        "brief_id": "b-1",
        "campaign_id": "autumn",
        "product_name": "Wanderer Black Hiking Boots",
        "brand": "Daybird",
        "category": "Footwear",
        "description": "Waterproof leather upper and a durable rubber sole. Weighs 480 g per shoe.",
        "key_messages": ["Waterproof leather", "Cushioned insole"],
        "price": Decimal("109.99"),
        "sale_price": Decimal("87.99"),
        "currency": "USD",
        "offer": Offer(text="20% off until 30 November", code="TRAIL20"),
        "segments": [Segment(name="weekend hikers", needs="comfort on long walks")],
        "claims": [Claim(text="Tested to 10,000 steps", evidence="lab report 12")],
        "url": "https://daybird.example/boots",
        "locale": "en-US",
    }
    return Brief(**(values | changes))


def make_placement(**changes: Any) -> Placement:
    """A set placement in the manner of a search ad: headlines of at most 30, descriptions of at most 90."""
    values: dict[str, Any] = {
        "id": "test_search",
        "channel": "test",
        "title": "Test search ad",
        "confidence": Confidence.HIGH,
        "sources": ["https://example.com"],
        "verified": "2026-11-23",
        "preview": "search",
        "fields": [
            TextField(name="headline", min_count=3, max_count=15, ask=4, max=30, counting=Counting.DISPLAY_WIDTH),
            TextField(name="description", min_count=2, max_count=4, max=90, counting=Counting.DISPLAY_WIDTH),
        ],
    }
    return Placement(**(values | changes))


def make_request(**changes: Any) -> Request:
    """A request for `make_brief()` on `test_search` in en-US."""
    values: dict[str, Any] = {
        "request_id": "r-1",
        "brief": make_brief(),
        "placement": "test_search",
        "locale": "en-US",
        "segment": Segment(name="weekend hikers", needs="comfort on long walks"),
        "seed": 7,
    }
    return Request(**(values | changes))


def make_fields() -> Fields:
    """Fields that pass every check for `make_request()` on `make_placement()`."""
    return {
        "headline": ["Waterproof Leather Boots", "Comfort on Long Walks", "Boots From Daybird"],
        "description": [
            "Daybird hiking boots with a waterproof leather upper and a cushioned insole.",
            "Walk further in comfort with a durable rubber sole. Now $87.99.",
        ],
    }


def make_candidate(index: int = 0, **changes: Any) -> Candidate:
    """A candidate that passed its one check."""
    values: dict[str, Any] = {
        "index": index,
        "fields": make_fields(),
        "checks": [Check(rule="length", passed=True)],
        "mean_logprob": -1.2,
        "judge": 0.7,
        "output_tokens": 60,
    }
    return Candidate(**(values | changes))


def make_outcome(**changes: Any) -> Outcome:
    """An outcome of one request with two candidates."""
    values: dict[str, Any] = {
        "request": make_request(),
        "candidates": [make_candidate(0), make_candidate(1)],
        "pool": make_fields(),
        "prompt_tokens": 400,
        "output_tokens": 120,
        "engine_seconds": 0.5,
    }
    return Outcome(**(values | changes))


def make_rubric(**weights: float) -> Rubric:
    """A rubric with these weights (default: WEIGHTS) and a judge of one criterion and four gold pairs."""
    pair = GoldPair(brief="Boots", good={"headline": ["Good boots"]}, bad={"headline": ["Bad"]})
    judge = JudgeConfig(criteria=[Criterion(name="clear", question="Is it clear?")], gold=[pair] * 4)
    return Rubric(weights=weights or WEIGHTS, judge=judge)


def make_refusal(**changes: Any) -> Refusal:
    values = {"stage": "read", "reason": "bad_price", "detail": "price is -1", "source": "a.parquet row 3"}
    return Refusal(**(values | changes))
