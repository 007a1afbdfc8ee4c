"""Picture slots of placements become exact slots, and what cannot be drawn is named before the run."""

from typing import Any

import pytest

from factory.config.placements import load_placements
from factory.errors import JobError
from factory.images.slots import RULES, make_job_slots, make_slots
from schemas.images import Images
from schemas.layout import find_aspect
from schemas.placement import ImageSlot, Placement

BUILT_IN = load_placements()
PICTURED = {name: placement for name, placement in BUILT_IN.items() if placement.image_slots}


def make_images(**changes: Any) -> Images:
    return Images.model_validate({"brands": ["brand.yaml"], "layouts": ["hero"], **changes})


def make_placement(**slot: Any) -> Placement:
    """A placement with one picture slot, called `picture`."""
    return BUILT_IN["email"].model_copy(update={"id": "mine", "image_slots": [ImageSlot(name="picture", **slot)]})


@pytest.mark.parametrize("placement", PICTURED.values(), ids=PICTURED)
def test_every_built_in_slot_can_be_filled(placement: Placement) -> None:
    slots = make_slots(placement, make_images())
    assert [slot.name for slot in slots] == [slot.name for slot in placement.image_slots]
    for slot, told in zip(slots, placement.image_slots, strict=True):
        assert slot.formats == ["jpg", "png"] and slot.role == told.role
        assert (slot.width, slot.height) == (told.width, told.height)
        assert slot.max_bytes is None or slot.max_bytes >= 50_000
        assert find_aspect(slot.width, slot.height)
        assert slot.rules == told.rules and set(slot.rules) <= set(RULES)


def test_no_rule_is_kept_that_no_placement_names() -> None:
    assert {rule for placement in PICTURED.values() for slot in placement.image_slots for rule in slot.rules} == set(
        RULES
    )


@pytest.mark.parametrize(
    ("name", "role", "slots"),
    [
        ("amazon_listing", "main", ["main_image"]),
        ("google_merchant", "main", ["image_link"]),
        ("meta_catalog", "main", ["image_link"]),
        ("google_merchant", "lifestyle", ["lifestyle_image_link"]),
        ("amazon_sponsored_brands", "lifestyle", ["custom_image"]),
        ("google_pmax", "logo", ["logo", "landscape_logo"]),
        ("google_display", "logo", ["square_logo", "landscape_logo"]),
        ("amazon_sponsored_brands", "logo", ["brand_logo"]),
        ("meta_story", "creative", ["story_9x16"]),
    ],
)
def test_roles(name: str, role: str, slots: list[str]) -> None:
    assert [slot.name for slot in make_slots(BUILT_IN[name], make_images()) if slot.role == role] == slots


def test_banners_have_the_sizes_and_weights_of_their_channels() -> None:
    slots = {slot.name: slot for slot in make_slots(BUILT_IN["iab_display"], make_images())}
    found = {(slot.width, slot.height): slot.max_bytes for slot in slots.values()}
    assert found == {
        (970, 250): 250_000,
        (300, 50): 50_000,
        (320, 50): 50_000,
        (728, 90): 150_000,
        (970, 90): 200_000,
        (300, 1050): 250_000,
        (160, 600): 150_000,
        (300, 250): 150_000,
        (120, 60): 50_000,
        (1080, 1920): 300_000,
        (300, 600): 200_000,
    }
    uploaded = make_slots(BUILT_IN["google_uploaded_display"], make_images())
    assert len(uploaded) == 15 and {slot.max_bytes for slot in uploaded} == {150_000}


def test_a_safe_zone_becomes_shares_from_the_top_clockwise() -> None:
    (slot,) = make_slots(BUILT_IN["tiktok"], make_images(slots=["vertical"]))
    assert slot.safe == (0.10, 0.12, 0.20, 0.06)


@pytest.mark.parametrize(
    ("told", "pixels"),
    [
        ({"width": 300, "height": 250}, (300, 250)),
        ({"width": 1200, "height": 628, "ratio": "1.91:1"}, (1200, 628)),
        ({"ratio": "1:1", "min_width": 600, "min_height": 600}, (1200, 1200)),
        ({"ratio": "4:5"}, (960, 1200)),
        ({"ratio": "1:1", "min_width": 1600}, (1600, 1600)),
        ({"ratio": "1:1", "max_width": 800}, (800, 800)),
        ({"ratio": "9:16", "min_height": 1920}, (1080, 1920)),
        ({"ratio": "1.91:1", "width": 800}, (800, 419)),
        ({"ratio": "4:5", "height": 1350}, (1080, 1350)),
        ({"min_width": 512, "min_height": 128}, (1200, 300)),
    ],
)
def test_pixels_that_a_channel_leaves_open_are_derived(told: dict[str, Any], pixels: tuple[int, int]) -> None:
    (slot,) = make_slots(make_placement(**told), make_images())
    assert (slot.width, slot.height) == pixels


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "pixels are not known"),
        ({"width": 300}, "pixels are not known"),
        ({"ratio": "wide"}, "'wide' is no ratio"),
        ({"ratio": "1:0"}, "'1:0' is no ratio"),
        ({"ratio": "1:1", "width": 300, "height": 250}, "300x250 is not 1:1"),
        ({"width": 300, "height": 250, "min_width": 600}, "outside its own minimums"),
        ({"ratio": "1:1", "min_width": 600, "max_height": 500}, "outside its own minimums"),
        ({"ratio": "1:1", "safe_zone": {"top": 60, "bottom": 40}}, "leaves no picture"),
        ({"ratio": "1:1", "safe_zone": {"upper": 10}}, "leaves no picture"),
        ({"ratio": "1:1", "rules": ["no_cats"]}, "unknown rule 'no_cats'"),
        ({"ratio": "1:1", "formats": ["gif"]}, r"takes none of images.formats \(jpg, png\)"),
    ],
)
def test_a_slot_that_cannot_be_drawn_is_named(told: dict[str, Any], message: str) -> None:
    with pytest.raises(JobError, match=message) as caught:
        make_slots(make_placement(**told), make_images())
    assert "placement mine, picture slot picture" in caught.value.message and caught.value.hint


def test_formats_are_in_the_job_s_order() -> None:
    (slot,) = make_slots(
        BUILT_IN["google_merchant"], make_images(formats=["avif", "webp", "jpg"], slots=["image_link"])
    )
    assert slot.formats == ["webp", "jpg"]
    (free,) = make_slots(make_placement(ratio="1:1"), make_images(formats=["avif", "png"]))
    assert free.formats == ["avif", "png"]


def test_an_unknown_slot_name_lists_the_names() -> None:
    with pytest.raises(
        JobError, match=r"'story' is no picture slot of meta_story; did you mean story_9x16\?"
    ) as caught:
        make_slots(BUILT_IN["meta_story"], make_images(slots=["story"]))
    assert caught.value.hint == "choose from story_9x16"


def test_a_name_need_be_a_slot_of_one_placement_of_the_job_only() -> None:
    both = [BUILT_IN["meta_story"], BUILT_IN["linkedin"], BUILT_IN["google_rsa"]]
    found = make_job_slots(both, make_images(slots=["square", "story_9x16"]))
    assert {name: [slot.name for slot in slots] for name, slots in found.items()} == {
        "meta_story": ["story_9x16"],
        "linkedin": ["square"],
        "google_rsa": [],
    }
    with pytest.raises(JobError, match="meta_story, linkedin"):
        make_job_slots(both, make_images(slots=["feed_1x1"]))
    with pytest.raises(JobError, match=r"\(google_rsa\) have no picture slots"):
        make_job_slots([BUILT_IN["google_rsa"]], make_images())
