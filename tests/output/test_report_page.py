"""The page: hostile text stays text, and it looks as it should in a real browser, wide and narrow, with no network."""

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from markupsafe import escape

from factory.output.report.build import build_report, render_html
from factory.output.report.previews import place
from schemas.placement import Placement
from schemas.rubric import Calibration
from tests.support.browser import find_browser, open_file
from tests.support.builders import make_placement
from tests.support.output_builders import (
    make_asset_row,
    make_candidate_row,
    make_facts,
    make_quarantine_row,
    make_rejected_row,
    write_output,
)

ATTACKS = [
    "<script>document.title='owned'</script>",
    "</script></style></title><img src=x onerror=\"document.title='owned'\">",
    '" onmouseover="document.title=\'owned\'" x="',
    "' style='position:fixed;inset:0' '",
    "{{ 7 * 191 }}{% raw %}",
    "]]><svg onload=document.title='owned'>",
    "<iframe src=https://evil.example></iframe><link rel=stylesheet href=//evil.example/x.css>",
    "&lt;b&gt; &#60;i&#62;",
    "\u202egnp.exe\u2066 \u200f.",
    "bell\x07 nul\x00 escape\x1b[31m",
    "W" * 400,
]
PREVIEWS = get_args(Placement.model_fields["preview"].annotation)
NAMES = ["headline", "description", "path_1", "primary_text", "subject", "preheader", "body", "cta", "title", "sender"]


class _Tags(HTMLParser):
    """Collects the names of all tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def make_page(folder: Path, text: str) -> str:
    """A report whose every text is `text`, with an asset for each kind of preview."""
    placements = {kind: make_placement(id=kind, title=text, preview=kind) for kind in PREVIEWS}
    checks = [{"rule": text, "passed": True, "detail": text}, {"rule": text, "passed": False, "detail": text}]
    keys = {"brief_id": text, "campaign_id": text, "locale": text, "segment": text}
    fields = {name: [text, text] for name in [*NAMES, "brand_name", "final_url", "bullet_point", text]}
    assets, candidates = [], []
    for number, kind in enumerate(PREVIEWS):
        own = keys | {"request_id": f"r-{number}", "placement": kind, "fields": fields, "scores": {text: 0.5}}
        assets.append(make_asset_row(asset_id=f"{text}-{number}", checks=checks, **own))
        candidates.append(make_candidate_row(status="unselected", reason=text, missing_scores=[text], **own))
        candidates.append(make_rejected_row(text, text, candidate=1, raw=text, **(own | {"fields": {}})))
    refused = make_quarantine_row(brief_id=text, reason=text, detail=text, source=text, stage=text)
    facts = make_facts(
        placements=placements,
        job_name=text,
        model=text,
        template=text,
        run_id=text,
        counts={"planned": 6, "accepted": 6, "assets": 6},
        versions={text: text},
        calibration=Calibration(model=text, num_pairs=4, auc=0.5, minimum_auc=0.7, weight=0, note=text),
    )
    return render_html(build_report(write_output(folder, assets, candidates, [refused]), facts))


@pytest.fixture(scope="module")
def own_tags(tmp_path_factory: pytest.TempPathFactory) -> _Tags:
    """The tags and attributes of a page of harmless text."""
    tags = _Tags()
    tags.feed(make_page(tmp_path_factory.mktemp("harmless"), "harmless"))
    assert "script" not in tags.tags
    assert not {name for name in tags.attributes if name.startswith("on") or name == "src"}
    return tags


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_adds_no_tag_and_no_attribute(tmp_path: Path, attack: str, own_tags: _Tags) -> None:
    found = _Tags()
    found.feed(make_page(tmp_path, attack))
    assert found.tags <= own_tags.tags
    assert found.attributes <= own_tags.attributes


def test_hostile_text_is_shown_as_it_was_written(tmp_path: Path) -> None:
    page = make_page(tmp_path, ATTACKS[0])
    assert page.count(str(escape(ATTACKS[0]))) > 50
    assert ATTACKS[0] not in page
    assert "{{ 7 * 191 }}" in make_page(tmp_path / "template", ATTACKS[4])


def test_page_refuses_to_load_anything(tmp_path: Path) -> None:
    page = make_page(tmp_path, "harmless")
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"(?:https?:)?//", page.replace("https://example.com", ""))


@pytest.mark.parametrize("kind", PREVIEWS)
def test_a_preview_of_any_kind_takes_an_asset_without_fields(kind: str) -> None:
    ad = place({"preview": kind, "fields": {}, "locale": "en-US"})
    assert ad["sponsor"] == "Your brand"
    assert ad["headlines"] == []


def test_a_search_ad_shows_three_headlines_its_path_and_its_site() -> None:
    fields = {"headline": list("abcde"), "description": list("xyz"), "path_1": ["boots"], "path_2": ["sale"]}
    fields["final_url"] = ["https://www.daybird.example/boots?x=1"]
    ad = place({"preview": "search", "fields": fields, "locale": "en-US"})
    assert (ad["headlines"], ad["descriptions"], ad["path"]) == (["a", "b", "c"], ["x", "y"], ["boots", "sale"])
    assert (ad["site"], ad["sponsor"], ad["direction"]) == ("daybird.example", "daybird.example", "ltr")


@pytest.mark.parametrize("url", ["http://[::1", "javascript:alert(1)", "not a url", ""])
def test_an_odd_address_falls_back_to_the_example_site(url: str) -> None:
    assert place({"preview": "search", "fields": {"final_url": [url]}, "locale": "en-US"})["site"] == "example.com"


@pytest.mark.parametrize(
    ("locale", "direction"), [("ar-SA", "rtl"), ("he-IL", "rtl"), ("az-Arab-IR", "rtl"), ("de", "ltr")]
)
def test_the_frame_is_mirrored_for_right_to_left_locales(locale: str, direction: str) -> None:
    assert place({"preview": "feed", "fields": {}, "locale": locale})["direction"] == direction


@pytest.fixture
def page_file(tmp_path: Path) -> Iterator[Path]:
    """A page of several languages, with every attack among its assets."""
    fields: list[dict[str, list[str]]] = [
        {"headline": ["Dry feet", "Long walks"], "description": ["Waterproof leather."]},
        {"headline": ["Wasserdichte Wanderstiefel"], "primary_text": ["Donaudampfschifffahrtsgesellschaft" * 3]},
        {"headline": ["雨の日も、遠くまで。"], "subject": ["週末のハイキングに"], "body": ["こんにちは。"]},
        {"headline": ["أقدام جافة"], "description": ["جلد مقاوم للماء"]},
    ]
    fields += [{"headline": [attack], "body": [attack], "title": [attack]} for attack in ATTACKS]
    placements = {f"p{number}": PREVIEWS[number % len(PREVIEWS)] for number in range(len(fields))}
    assets, candidates = [], []
    for number, each in enumerate(fields):
        own = {"request_id": f"r-{number}", "placement": f"p{number}", "fields": each, "score": (number + 1) / 20}
        own |= {"campaign_id": ATTACKS[number % len(ATTACKS)], "brief_id": ATTACKS[number % len(ATTACKS)]}
        assets.append(make_asset_row(asset_id=f"a-{number}", **own))
        candidates.append(make_candidate_row(**own))
        candidates.append(make_rejected_row("length", ATTACKS[number % len(ATTACKS)], candidate=1, **own))
    counts = {"rows_read": 16, "briefs": 15, "refused": 1, "planned": 15, "accepted": 15, "assets": 15}
    known = {name: make_placement(id=name, preview=kind) for name, kind in placements.items()}
    store = write_output(tmp_path / "out", assets, candidates, [make_quarantine_row(detail=ATTACKS[1])])
    file = tmp_path / "report.html"
    report = build_report(store, make_facts(counts=counts, placements=known))
    file.write_bytes(render_html(report).encode())
    yield file


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_in_a_browser(page_file: Path, width: int, scheme: str) -> None:
    with open_file(page_file, width, scheme=scheme) as visit:
        page: Any = visit.page
        for opened in (False, True):
            if opened:
                for summary in page.locator("summary").all():
                    summary.click()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                f"wider than {width}: {opened=}"
            )
        assert visit.requests == []
        assert visit.problems == []
        assert page.title() == "ad-copy: run report"
        for text in ("100%", "15 requests planned", "bad_price", "length", "What to do next", "Dry feet"):
            assert page.get_by_text(text).first.is_visible(), text
        assert page.evaluate("document.querySelectorAll('script, iframe, img, link, object, embed').length") == 0
        assert page.locator(".mock").count() == 12


@pytest.mark.browser
@pytest.mark.parametrize("attack", [ATTACKS[0], "W" * 400, "\u202e" + "<b>" * 90])
def test_page_keeps_its_width_whatever_the_texts_are(tmp_path: Path, attack: str) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(make_page(tmp_path / "out", attack).encode())
    with open_file(file, 390) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (visit.requests, visit.problems) == ([], [])
        assert "owned" not in visit.page.title().replace(attack, "")


@pytest.mark.browser
def test_a_page_that_runs_script_or_loads_would_be_noticed(tmp_path: Path) -> None:
    """The browser test's own alarm: what it must notice, it notices."""
    file = tmp_path / "bad.html"
    file.write_text("<title>x</title><img src='https://evil.example/x.png'><script>console.error('ran')</script>")
    with open_file(file, 390) as visit:
        visit.page.wait_for_timeout(200)
        assert "https://evil.example/x.png" in visit.requests
        assert "error: ran" in visit.problems


def test_without_a_browser_tests_are_skipped_but_never_in_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="chromium"):
        find_browser()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="chromium"):
        find_browser()
