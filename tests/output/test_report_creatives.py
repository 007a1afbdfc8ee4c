"""The report's pictures: numbers, advice and contact sheet against an output that the factory itself made."""

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from factory.output.report import contact_sheet
from factory.output.report.advice import fix_refusal
from factory.output.report.build import RunFacts, build_report, load_thumbnails, render_html, summarize
from factory.output.report.image_advice import cure_picture
from factory.output.report.thumbnails import is_picture_path
from factory.storage.store import Store
from schemas.creative import CreativeOutcome
from schemas.outcome import Status
from tests.support.browser import open_file
from tests.support.image_outputs import (
    SQUARE,
    WIDE,
    compact_creatives,
    make_creative,
    make_lost,
    make_refused,
    make_variant,
    print_file,
)
from tests.support.output_builders import make_asset_row, make_facts, write_output

ATTACKS = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "' style='position:fixed;inset:0' '",
    "</style><style>*{display:none}</style>",
    "{{ 7 * 191 }}",
    "W" * 150,
]


def make_night(store: Store) -> list[CreativeOutcome]:
    """Three accepted creatives (one at its second try), two rejected, one never tried, one quarantined."""
    square, wide = print_file(store, SQUARE, seed=1), print_file(store, WIDE, variant=1, seed=2)
    return [
        make_creative("b-1", SQUARE, [make_variant()], [square]),
        make_creative("b-2", SQUARE, [make_variant(layout="split", score=0.6)], [print_file(store, SQUARE, seed=3)]),
        make_creative("b-1", WIDE, [make_lost("contrast", "headline has 2.9:1"), make_variant(1)], [wide]),
        make_creative(
            "b-3",
            SQUARE,
            [
                make_lost("contrast", "headline has 1.4:1", layout="split"),
                make_lost("copy_too_long", "3 lines of 2", 1, texts={}),
            ],
        ),
        make_creative(
            "b-4",
            WIDE,
            [make_variant(status=Status.REJECTED, reason="below minimum score", score=0.2, rank=None)],
        ),
        make_creative("b-5", SQUARE, thumbnail=""),
        make_refused("b-6", "missing", "https://shop.example/6.jpg answered 404"),
    ]


@pytest.fixture
def night(tmp_path: Path) -> tuple[Store, RunFacts]:
    store = Store(str(tmp_path / "out"))
    return store, compact_creatives(store, make_night(store))


def test_every_slot_has_its_counts_score_and_weight(night: tuple[Store, RunFacts]) -> None:
    square, wide = build_report(*night)["creatives"]["slots"]["rows"]
    keys = ("title", "slot", "width", "height", "accepted", "rejected", "quarantined", "finished", "pictures")
    assert [square[key] for key in keys] == ["Test feed", "square", 320, 320, 2, 1, 1, 4, 2]
    assert [wide[key] for key in keys] == ["Test feed", "wide", 600, 75, 1, 1, 0, 2, 1]
    assert square["score"] == pytest.approx(0.7)
    assert (square["max_bytes"], wide["max_bytes"]) == (150_000, 40_000)
    files = [info.size for info in night[0].list("images", ".jpg")]
    assert square["num_bytes"] == pytest.approx(sum(files) / 2)


def test_accepted_share_and_what_was_never_tried(night: tuple[Store, RunFacts]) -> None:
    report = build_report(*night)
    assert report["creatives"]["accepted"] == {"creatives": 3, "of": 7, "pictures": 3, "share": pytest.approx(3 / 7)}
    assert report["creatives"]["untried"] == 1
    assert report["conservation"]["creatives"]["holds"]
    page = " ".join(render_html(report).split())
    assert "7 creatives planned = 3 accepted + 3 rejected + 1 quarantined + 0 remaining" in page
    assert ("Creatives", "42.9% of 7, 3 pictures") in summarize(report)


def test_reasons_count_tries_and_lost_creatives_with_an_example(night: tuple[Store, RunFacts]) -> None:
    made = build_report(*night)["creatives"]
    contrast, long = made["rules"]
    assert (contrast["name"], contrast["tries"], contrast["creatives"], contrast["lost"]) == ("contrast", 2, 2, 1)
    assert (contrast["example"]["detail"], contrast["example"]["brief_id"]) == ("headline has 1.4:1", "b-3")
    assert contrast["example"]["texts"] == {"headline": "Dry feet on every walk"}
    assert (long["name"], long["lost"]) == ("copy_too_long", 1)
    assert [(row["name"], row["tries"]) for row in made["unused"]] == [("below minimum score", 1)]


def test_layouts_are_told_apart_by_what_they_earn(night: tuple[Store, RunFacts]) -> None:
    hero, split = build_report(*night)["creatives"]["layouts"]["rows"]
    assert (hero["name"], hero["tries"], hero["passed"], hero["accepted"]) == ("hero", 5, 3, 2)
    assert (split["name"], split["tries"], split["passed"], split["accepted"]) == ("split", 2, 1, 1)
    assert split["trouble"] == "contrast"


def test_the_sheet_shows_accepted_files_and_kept_thumbnails(night: tuple[Store, RunFacts]) -> None:
    store, facts = night
    report = build_report(store, facts)
    shots = report["creatives"]["sheet"]["shots"]
    assert [(shot["brief_id"], shot["slot"], shot["accepted"], shot["rule"]) for shot in shots] == [
        (shots[0]["brief_id"], "square", True, ""),
        (shots[1]["brief_id"], "square", True, ""),
        ("b-3", "square", False, "contrast"),  # of the try that the thumbnail shows, not of the last one
        ("b-1", "wide", True, ""),
        ("b-4", "wide", False, "below minimum score"),
    ]
    thumbnails = load_thumbnails(store, store, report)
    assert set(thumbnails) == {shot["key"] for shot in shots}
    for shot in shots:
        image = Image.open(io.BytesIO(base64.b64decode(thumbnails[shot["key"]].partition(",")[2])))
        assert image.format == "WEBP"
        assert max(image.size) == 256
        assert image.width / image.height == pytest.approx(shot["width"] / shot["height"], rel=0.05)
    assets = store.list("assets", ".parquet")
    ids = pq.read_table(io.BytesIO(store.read_bytes(assets[0].path)))["asset_id"].to_pylist()
    assert {shot["asset_id"] for shot in shots if shot["accepted"]} == set(ids)
    page = render_html(report, thumbnails)
    assert page.count("<img ") == 5
    assert "data:image" not in json.dumps(report)
    for shot in shots:
        assert (f'href="{shot["image_uri"]}"' in page) is shot["accepted"]


@pytest.mark.parametrize("damage", ["missing", "not a picture", "cut"])
def test_a_picture_that_is_not_there_is_an_empty_frame(night: tuple[Store, RunFacts], damage: str) -> None:
    store, facts = night
    path = store.list("images", ".png")[0].path
    data = store.read_bytes(path)
    store.delete(path)
    if damage != "missing":
        store.write_bytes(path, b"<svg/>" if damage == "not a picture" else data[: len(data) // 2])
    report = build_report(store, facts)
    page = render_html(report, load_thumbnails(store, store, report))
    assert page.count("<img ") == 4
    assert page.count("picture not found") == 1


def test_a_page_without_thumbnails_renders(night: tuple[Store, RunFacts]) -> None:
    page = render_html(build_report(*night))
    assert page.count("picture not found") == 3
    assert "<img" not in page


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        ("images/ab/" + "a" * 64 + ".jpg", True),
        ("images/ab/" + "a" * 64 + ".svg", False),
        ("images/ab/" + "a" * 64 + ".jpg\n", False),
        ("images/ab/../../" + "a" * 64 + ".jpg", False),
        ("javascript:alert(1)", False),
        ("https://evil.example/images/ab/" + "a" * 64 + ".jpg", False),
        ("", False),
    ],
)
def test_only_paths_that_the_factory_makes_are_followed(path: str, is_ours: bool) -> None:
    assert is_picture_path(path) is is_ours


def test_a_foreign_path_is_neither_read_nor_linked(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    good = print_file(store, SQUARE)
    bad = make_creative("b-1", SQUARE, [make_variant()], [good.change(path="../secret.png")])
    report = build_report(store, compact_creatives(store, [bad]))
    page = render_html(report, load_thumbnails(store, store, report))
    assert "secret" not in page
    assert "picture not found" in page


def test_the_sheet_is_bounded_and_even_over_slots_and_briefs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheet, "MOST_ACCEPTED", 12)
    monkeypatch.setattr(contact_sheet, "MOST_REJECTED", 4)
    store = Store(str(tmp_path / "out"))
    square, wide = print_file(store, SQUARE), print_file(store, WIDE)
    second = make_variant(1, rank=2)
    outcomes = [
        make_creative(f"b-{n}", SQUARE, [make_variant(), second], [square, square.change(variant=1)]) for n in range(8)
    ]
    outcomes += [make_creative(f"b-{n}", WIDE, [make_variant()], [wide]) for n in range(3)]
    outcomes += [make_creative(f"c-{n}", SQUARE, [make_lost("contrast", f"{n}")]) for n in range(9)]
    outcomes += [make_creative(f"d-{n}", SQUARE, [make_lost("safe_zone", f"{n}")]) for n in range(2)]
    sheet = build_report(store, compact_creatives(store, outcomes))["creatives"]["sheet"]
    kept = [shot for shot in sheet["shots"] if shot["accepted"]]
    assert (len(kept), sheet["more"]) == (12, {"accepted": 7, "rejected": 7})
    assert sum(shot["slot"] == "wide" for shot in kept) == 3  # all that there are
    squares = [shot for shot in kept if shot["slot"] == "square"]
    assert len({shot["brief_id"] for shot in squares}) == 8  # every brief once before one comes twice
    assert [reason["shots"] for reason in sheet["reasons"]] == [2, 2]


def test_text_runs_have_no_pictures_in_their_report(tmp_path: Path) -> None:
    report = build_report(write_output(tmp_path, [make_asset_row()]), make_facts(counts={"planned": 1, "accepted": 1}))
    assert "creatives" not in report
    page = render_html(report, load_thumbnails(Store(str(tmp_path)), Store(str(tmp_path)), report))
    assert "Contact sheet" not in page
    assert "creatives" not in page


def test_a_run_that_made_no_picture_renders(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    facts = compact_creatives(store, [make_refused("b-1", "too_small", "90x90 pixels")])
    report = build_report(store, facts)
    assert report["creatives"]["accepted"]["share"] == 0
    page = render_html(report, load_thumbnails(store, store, report))
    assert "No creative came to a picture" in page
    assert "images.sources.min_side" in page
    waiting = replace(facts, counts={"creatives_planned": 4, "creatives_remaining": 4})
    assert "Not done yet: 4 creatives" in render_html(build_report(Store(str(tmp_path / "none")), waiting))


def test_hints_name_what_costs_most_and_the_layout_that_never_works(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    outcomes = [make_creative(f"b-{n}", SQUARE, [make_lost("copy_too_long", "3 lines of 2")]) for n in range(10)]
    outcomes.append(make_creative("b-x", SQUARE))
    report = build_report(store, compact_creatives(store, outcomes))
    hints = {step["title"]: step["text"] for step in report["next_steps"]}
    assert "shorter variants" in hints["copy_too_long costs most creatives: 10 without a picture"]
    assert "copy_too_long" in hints["Layout hero passed none of 10 tries"]
    assert "require_product" in hints["Nothing could be tried for 1 creative"]


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("copy_too_long", "shorter"),
        ("contrast", "colours"),
        ("logo_contrast", "colours"),
        ("over_budget", "images.formats"),
        ("file_weight", "images.formats"),
        ("missing_glyph", "font"),
        ("product_sharp", "sharper"),
        ("no_text_or_logo_in_image", "house rule"),
        ("text_overlay_max_20pct", "fewer texts"),
        ("something_new", "example"),
    ],
)
def test_every_rule_of_pictures_has_a_cure(rule: str, word: str) -> None:
    assert word in cure_picture(rule)


@pytest.mark.parametrize(
    ("reason", "word"), [("host_not_allowed", "sources.hosts"), ("outside_roots", "sources.roots"), ("new", "Fix")]
)
def test_quarantined_pictures_have_a_fix_by_reason(reason: str, word: str) -> None:
    assert word in fix_refusal("images", 1, reason)


class _Tags(HTMLParser):
    """Collects tags with their attributes' names, and the text inside style elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, ...]] = set()
        self.styles: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, name) for name, _ in attrs} | {(tag,)}
        self._in_style = tag == "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)


def make_hostile(folder: Path, text: str) -> str:
    """The page of creatives whose every text is `text`."""
    store = Store(str(folder))
    slot = SQUARE.change(name=text)
    odd: dict[str, Any] = {"layout": text, "colorway": text, "texts": {text: text, "headline": text}}
    good = make_variant(**odd, scores={text: 0.5})
    outcomes = [
        make_creative(text, slot, [good, make_lost(text, text, 1, **odd)], [print_file(store, SQUARE)]),
        make_creative(f"{text} 2", slot, [make_lost(text, text, **odd)]),
        make_creative(f"{text} 3", slot, [make_lost(text, text, **odd)], thumbnail=text),
        make_refused(text, text, text, slot.change(name=f"{text} 4")),
    ]
    facts = compact_creatives(store, outcomes)
    known = facts.placements["feed"].model_copy(update={"title": text})
    report = build_report(store, replace(facts, placements={"feed": known}))
    return render_html(report, load_thumbnails(store, store, report))


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_adds_nothing_to_the_page(tmp_path: Path, attack: str) -> None:
    own, found = _Tags(), _Tags()
    own.feed(make_hostile(tmp_path / "harmless", "harmless"))
    page = make_hostile(tmp_path / "hostile", attack)
    found.feed(page)
    assert found.found <= own.found
    assert found.styles == own.styles  # nothing of a brief is in the CSS
    assert not {each for each in own.found if each[0] == "script" or each[-1].startswith("on")}
    assert "1337" not in page


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_filters_work_without_script(night: tuple[Store, RunFacts], width: int, scheme: str) -> None:
    store, facts = night
    report = build_report(store, facts)
    file = Path(store.uri) / "report.html"
    file.write_bytes(render_html(report, load_thumbnails(store, store, report)).encode())
    with open_file(file, width, scheme=scheme) as visit:
        page = visit.page
        names = [reason["name"] for reason in report["creatives"]["sheet"]["reasons"]]
        choices = {"all": 5, "ok": 3, "lost": 2, str(names.index("contrast")): 1}
        for choice, number in choices.items():
            page.locator(f"label:has(#sheet-why-{choice})").click()
            assert page.locator(".shot:visible").count() == number
        assert page.locator(".shot:visible figcaption > b").inner_text() == "b-3"
        page.locator(".shot:visible summary").click()
        assert page.get_by_text("headline has 1.4:1").last.is_visible()
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert [each for each in visit.requests if not each.startswith("data:")] == []
        assert visit.problems == []


@pytest.mark.browser
def test_two_filters_meet_and_say_when_nothing_is_left(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    picture = print_file(store, SQUARE)
    outcomes = [
        make_creative("b-1", SQUARE, [make_variant()], [picture]),
        make_creative("b-2", SQUARE, [make_variant()], [picture], "other"),
        make_creative("b-3", SQUARE, [make_lost("contrast", "low")], placement="other"),
    ]
    report = build_report(store, compact_creatives(store, outcomes))
    file = tmp_path / "report.html"
    file.write_bytes(render_html(report, load_thumbnails(store, store, report)).encode())
    with open_file(file, 390) as visit:
        page = visit.page
        page.get_by_text("other", exact=False).locator("xpath=ancestor::label").click()
        assert page.locator(".shot:visible").count() == 2
        page.locator("label:has(#sheet-why-lost)").click()
        assert page.locator(".shot:visible figcaption > b").inner_text() == "b-3"
        page.locator("label", has_text=re.compile("Test feed")).click()
        assert page.locator(".shot:visible").count() == 0
        assert page.locator(".none").is_visible()
        assert visit.problems == []
