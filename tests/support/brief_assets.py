"""Accepted assets of several placements of a brief, compacted and rated as the end of a run does."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory.config.placements import load_placements
from factory.journal.segments import write_segment
from factory.output.tables.compact import compact
from factory.output.tables.rows import RunLabels
from factory.output.uniqueness.within_brief import open_brief_uniqueness
from factory.storage.store import Store
from schemas.base import digest
from schemas.outcome import Fields, Outcome, Status
from tests.support.builders import make_brief, make_candidate, make_outcome, make_request
from tests.support.output_builders import make_row

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
NAMES = ("google_rsa", "meta_feed", "email")
PLACEMENTS = {name: placement for name, placement in load_placements().items() if name in NAMES}
ATTACK = "<script>alert('alike')</script>"


def make_asset(brief_id: str, placement: str, text: str, fields: Fields | None = None, **brief: Any) -> Outcome:
    """An accepted outcome whose one written item is `text`; `fields` replace it."""
    field = {"google_rsa": "headline", "meta_feed": "primary_text", "email": "body"}[placement]
    best = make_candidate(0, fields=fields or {field: [text]}, status=Status.ACCEPTED, rank=0, score=0.8)
    locale = brief.pop("target", "en-US")
    key = digest([brief_id, placement, text, locale])
    own = make_brief(**({"brief_id": brief_id} | brief))
    request = make_request(request_id=key, brief=own, placement=placement, locale=locale)
    return make_outcome(request=request, candidates=[best.change(scores={"relevance": 0.7})], pool={})


def write_assets(place: Path | str, outcomes: Sequence[Outcome], per_segment: int = 1000) -> Store:
    store = Store(str(place))
    for start in range(0, len(outcomes), per_segment):
        rows = [make_row(outcome) for outcome in outcomes[start : start + per_segment]]
        write_segment(store, "text", rows, "r1", NOW)
    return store


def end(store: Store, times: int = 1) -> dict[str, int]:
    """Compact and rate, as the end of a run does."""
    with open_brief_uniqueness(PLACEMENTS) as uniqueness:
        files = compact(store, store, "text", RunLabels("m", "t", {}, NAMES), show=uniqueness.add).files
        for _ in range(times):
            uniqueness.rate(store, files)
    return files
