"""A brand kit's tone stands in for a brief's own, and is part of what decides the copy."""

import pytest

from factory.briefs.requests import make_requests
from factory.briefs.tones import list_tones, pick_tone
from factory.config.job import Identity
from factory.config.placements import load_placements
from schemas.brand import BrandKit, Colors
from tests.support.builders import make_brief

COLORS = Colors(primary="#000", secondary="#111", accent="#222")


def make_kits(*pairs: tuple[str, str]) -> list[BrandKit]:
    return [BrandKit(name=name, tone=tone, colors=COLORS) for name, tone in pairs]


@pytest.mark.parametrize(
    ("brand", "tone"),
    [("north mere", "warm"), ("NORTH  MERE", "warm"), ("Corvane", ""), ("Another", "warm"), ("", "warm")],
)
def test_a_brief_gets_the_tone_of_the_kit_that_serves_it(brand: str, tone: str) -> None:
    assert pick_tone(list_tones(make_kits(("North Mere", "warm"), ("Corvane", ""))), brand) == tone


def test_kits_without_a_tone_say_nothing() -> None:
    assert list_tones(make_kits(("North Mere", ""))) == {}


def test_a_brief_s_own_tone_counts_more_and_a_kit_s_is_part_of_the_id() -> None:
    placements = [load_placements()["meta_feed"]]
    plain = Identity("job", {"meta_feed": "digest"}, 7)
    toned = Identity("job", {"meta_feed": "digest"}, 7, {"": "warm"})
    brief, own = make_brief(tone=""), make_brief(tone="dry")
    assert make_requests(own, placements, ["en-US"], plain) == make_requests(own, placements, ["en-US"], toned)
    before, after = (make_requests(brief, placements, ["en-US"], each)[0] for each in (plain, toned))
    assert (before.brief.tone, after.brief.tone) == ("", "warm")
    assert before.request_id != after.request_id
