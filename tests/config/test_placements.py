"""The built-in placements hold what the channels ask for, and a user's file is one YAML file."""

from pathlib import Path
from typing import Any

import pytest

from factory.config.placements import TEXT_KEYS, get_placements, load_placements
from factory.errors import JobError
from factory.text.lengths import char_bound
from schemas.brief import Brief
from schemas.placement import Counting, Placement
from tests.support.builders import make_brief

IDS = (
    "amazon_listing amazon_sponsored_brands chatgpt_ads email google_demand_gen google_display google_merchant"
    " google_pmax google_rsa google_uploaded_display iab_display linkedin meta_carousel_card meta_catalog meta_feed"
    " meta_reels meta_story microsoft_audience"
    " microsoft_merchant microsoft_rsa pinterest push sms tiktok x_post"
).split()
RULES = set(
    "no_emoji no_repeated_punct no_gimmick_symbols no_excess_caps no_phone no_generic_cta no_word_repetition"
    " no_exclamation max_exclamations max_emojis no_chars max_word_repeats no_promo_phrases no_subjective"
    " no_guarantee_phrases no_asin no_placeholder no_price no_links start_capital no_html lowercase no_brand_names"
    " no_temporary_words no_duplicate_words at_least_one_word no_slash no_pressure no_price_or_discount opt_out_text"
    " sender_identified no_spam_words no_channel_name no_surrounding_quotes promo_free_name"
    " domain_plus_paths_max".split()
)
OWN = """\
id: shelf_sign
channel: store
title: Shelf sign
confidence: high
sources: [https://example.com/brand-book]
verified: "2026-11-23"
fields:
  - name: line
    max: 24
  - name: maker
    source: brief.brand
    max: 40
"""

BUILT_IN = load_placements()


def test_every_channel_is_there() -> None:
    assert list(BUILT_IN) == IDS


@pytest.mark.parametrize("placement", BUILT_IN.values(), ids=BUILT_IN)
def test_a_built_in_placement_can_be_written(placement: Placement) -> None:
    carriers = [field for field in placement.fields if field.carries_disclaimer]
    assert len(carriers) == 1 and carriers[0].source == "model" and carriers[0].min_count >= 1
    assert placement.guidance and all(field.guidance for field in placement.written)
    for field in placement.written:
        assert field.ask is not None or field.max_count == 1, "a set says how many a candidate writes"
        assert max(field.min, 1) <= (field.recommended or field.max) <= field.max
        assert char_bound(field, "ja-JP") >= max(field.min // 2, 5)
        if field.short is not None:
            assert field.short.max < field.max and field.short.count <= field.num_asked
        if field.counting is Counting.SMS_SEGMENTS:
            assert field.max_segments


@pytest.mark.parametrize("placement", BUILT_IN.values(), ids=BUILT_IN)
def test_a_built_in_placement_names_only_known_rules(placement: Placement) -> None:
    rules = placement.rules + [rule for field in placement.fields for rule in field.rules]
    assert {rule.partition(":")[0] for rule in rules} <= RULES


@pytest.mark.parametrize("placement", BUILT_IN.values(), ids=BUILT_IN)
def test_a_brief_without_brand_and_address_can_still_be_used(placement: Placement) -> None:
    for field in placement.fields:
        if field.source in ("brief.brand", "brief.url", "brief.image_uri", "brief.category"):
            assert field.min_count == 0


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("google_rsa", "headline", {"min_count": 3, "max_count": 15, "max": 30, "counting": "display_width"}),
        ("google_rsa", "description", {"min_count": 2, "max_count": 4, "max": 90}),
        ("google_rsa", "path_2", {"requires": "path_1", "max": 15, "min_count": 0}),
        ("google_pmax", "headline", {"short": {"count": 1, "max": 15}}),
        ("google_pmax", "description", {"short": {"count": 1, "max": 60}, "max_count": 5}),
        ("microsoft_rsa", "headline", {"counting": "display_width_emoji2", "max": 30}),
        ("meta_feed", "primary_text", {"max": 125, "limit": "soft", "max_count": 5}),
        ("x_post", "post_text", {"max": 280, "counting": "x_weighted"}),
        ("tiktok", "ad_text", {"min": 12, "max": 100, "rules": ["no_chars:{}#", "no_emoji"]}),
        ("amazon_listing", "search_terms", {"max": 249, "counting": "utf8_bytes_no_space_punct"}),
        ("google_merchant", "product_highlight", {"min_count": 2, "max": 150}),
        ("meta_catalog", "description", {"max": 9999}),
        ("email", "subject", {"max": 78, "limit": "soft"}),
        ("sms", "body", {"max": 160, "max_segments": 1, "counting": "sms_segments"}),
    ],
)
def test_limits_are_those_of_the_channel(name: str, field: str, expected: dict[str, Any]) -> None:
    found = BUILT_IN[name].field(field).model_dump(mode="json")
    assert {key: found[key] for key in expected} == expected


def test_picture_slots_are_kept_for_the_image_phase() -> None:
    slots = {slot.name: slot for slot in BUILT_IN["meta_reels"].image_slots}
    assert slots["reels_9x16"].safe_zone == {"top": 14, "bottom": 35, "left": 6, "right": 6}
    assert (slots["reels_9x16"].width, slots["reels_9x16"].height) == (1080, 1920)


def test_text_keys_are_the_texts_of_a_brief() -> None:
    values = make_brief().model_dump()
    assert set(TEXT_KEYS) <= set(Brief.model_fields) and all(isinstance(values[key], str) for key in TEXT_KEYS)


def test_a_new_placement_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "shelf_sign.yaml").write_text(OWN)
    (tmp_path / "README.md").write_text("not a placement")
    (tmp_path / "._shelf_sign.yaml").write_bytes(b"\x00\x05")
    placements = load_placements([tmp_path, tmp_path / "missing"])
    assert placements["shelf_sign"].field("line").max == 24
    assert set(placements) == {*IDS, "shelf_sign"}
    assert "shelf_sign" not in load_placements()


def test_a_later_file_overrules_an_earlier_one(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder, limit in ((first, 20), (second, 10)):
        folder.mkdir()
        text = OWN.replace("shelf_sign", "google_rsa").replace("max: 24", f"max: {limit}")
        (folder / "google_rsa.yml").write_text(text)
    assert load_placements([first, second])["google_rsa"].field("line").max == 10
    assert load_placements()["google_rsa"].field("headline").max == 30


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id: shelf_sign", "id: shelf", r"shelf_sign\.yaml line 1: id: 'shelf' is not the file's name 'shelf_sign'"),
        ("max: 24", "maximum: 24", r"shelf_sign\.yaml line 9: unknown key fields\[0\]\.maximum"),
        ("max: 24", "max: many", r"line 9: fields\[0\]\.max: should be a valid integer"),
        (
            "max: 24",
            "max: 24\n    counting: letters",
            r"line 10: fields\[0\]\.counting: should be 'chars'",
        ),
        ("brief.brand", "brief.colour", r"line 11: fields\[1\]\.source: 'brief\.colour' is no text of a brief"),
        ("brief.brand", "brief.price", r"line 11: fields\[1\]\.source: 'brief\.price' is no text of a brief"),
        ('"2026-11-23"', "2026-11-23", r"line 6: verified: should be text, and YAML reads this as a date"),
        ("max: 24", "max: [", r"line \d+: "),
        ("max: 24", "max: 24\n    requires: price", r"line 1: field line requires 'price', which is not a field"),
        ("    max: 24", "    source: brief.url\n    max: 9", r"line 1: no field has source: model"),
    ],
)
def test_a_bad_file_is_named_with_key_and_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in OWN
    (tmp_path / "shelf_sign.yaml").write_text(OWN.replace(old, new))
    with pytest.raises(JobError, match=expected) as caught:
        load_placements([tmp_path])
    assert str(tmp_path) in caught.value.message and caught.value.hint


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"id: caf\xe9\n")
    with pytest.raises(JobError, match=r"latin\.yaml: is not UTF-8 text \(byte 7\)"):
        load_placements([tmp_path])
    (tmp_path / "latin.yaml").unlink()
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(JobError, match=r"folder\.yaml: cannot be read"):
        load_placements([tmp_path])
    with pytest.raises(JobError, match="is a file, not a folder"):
        load_placements([Path(__file__)])


def test_one_id_twice_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shelf_sign.yaml").write_text(OWN)
    (tmp_path / "shelf_sign.yml").write_text(OWN)
    with pytest.raises(JobError, match=r"shelf_sign is also in shelf_sign\.yaml"):
        load_placements([tmp_path])


def test_placements_are_found_by_name_in_order_and_once() -> None:
    found = get_placements(["email", "google_rsa", "email"], BUILT_IN)
    assert [placement.id for placement in found] == ["email", "google_rsa"]


def test_unknown_names_are_all_named_with_the_nearest() -> None:
    with pytest.raises(JobError) as caught:
        get_placements(["googel_rsa", "email", "rsa", "zzz"], BUILT_IN)
    lines = caught.value.message.splitlines()
    assert lines[0].startswith("unknown placement 'googel_rsa'; did you mean google_rsa")
    assert lines[1] == "unknown placement 'rsa'; did you mean google_rsa or microsoft_rsa?"
    assert lines[2] == "unknown placement 'zzz'" and len(lines) == 3
    assert "meta_feed" in caught.value.hint
