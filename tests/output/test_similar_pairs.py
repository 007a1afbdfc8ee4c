"""The most alike assets of a brief: the right two together, few of them, and hostile text escaped on the page."""

from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from factory.output.report.build import build_report, render_html
from factory.output.uniqueness.similar_pairs import find_similar_pairs
from factory.output.uniqueness.within_brief import NAME
from factory.runs.status import remake_report
from factory.storage.store import Store
from tests.support.brief_assets import ATTACK, NAMES, PLACEMENTS, end, make_asset, write_assets
from tests.support.browser import open_file
from tests.support.finished_runs import IDS, Run
from tests.support.jobs import read_rows
from tests.support.output_builders import make_asset_row, make_facts, write_output


def report_on(store: Store) -> dict[str, Any]:
    return build_report(store, make_facts(placements=PLACEMENTS, alike=find_similar_pairs(store, PLACEMENTS)))


def test_the_report_names_the_most_alike_pairs(tmp_path: Path) -> None:
    text = f"{ATTACK} waterproof leather boots made for long autumn walks outside"
    assets = [make_asset("b-1", "google_rsa", text), make_asset("b-1", "meta_feed", f"{text} daily")]
    assets.append(make_asset("b-1", "email", "Nothing like the others"))
    # Two pairs with the same score in one brief: each must stay together.
    assets += [make_asset("b-0", "email", "Warm wool socks", target=locale) for locale in ("en-US", "en-GB")]
    assets += [make_asset("b-0", "meta_feed", "Dry leather boots", target=locale) for locale in ("en-US", "en-GB")]
    assets += [make_asset("b-2", "email", "Plain bread"), make_asset("b-2", "meta_feed", "Fresh butter")]
    store = write_assets(tmp_path, assets)
    end(store)
    report = report_on(store)
    assert report["alike"]["count"] == 6
    first, second = report["alike"]["pairs"]
    assert (first["brief_id"], first["similarity"]) == ("b-0", 1.0)
    assert first["assets"][0]["fields"] == first["assets"][1]["fields"]
    assert (second["brief_id"], round(second["similarity"], 2)) == ("b-1", 0.92)
    assert {asset["placement"] for asset in second["assets"]} == {"google_rsa", "meta_feed"}
    (spread,) = [row for row in report["scores"] if row["name"] == NAME]
    assert (spread["assets"]["count"], spread["candidates"], spread["weight"]) == (9, None, None)
    page = render_html(report)
    assert "Nearly the same words twice" in page and "6 assets share at least 80% of their words" in page
    assert str(escape(text)) in page and ATTACK not in page
    assert PLACEMENTS["google_rsa"].title in page


def test_pairs_are_at_most_five_one_a_brief(tmp_path: Path) -> None:
    store = write_assets(
        tmp_path, [make_asset(f"b-{n}", name, "Dry leather boots") for n in range(8) for name in NAMES]
    )
    end(store)
    alike = find_similar_pairs(store, PLACEMENTS)
    assert (alike["count"], [pair["brief_id"] for pair in alike["pairs"]]) == (24, [f"b-{n}" for n in range(5)])


@pytest.mark.parametrize(("shared", "is_named"), [(8, True), (7, False)])
def test_the_section_is_there_from_eight_tenths_on(tmp_path: Path, shared: int, is_named: bool) -> None:
    words = [f"w{number}" for number in range(10)]
    assets = [make_asset("b-1", "email", " ".join(words[:shared]))]
    store = write_assets(tmp_path, [*assets, make_asset("b-1", "meta_feed", " ".join(words))])
    end(store)
    page = render_html(report_on(store))
    assert ("Nearly the same words twice" in page) is is_named


def test_the_end_of_a_run_scores_siblings_and_a_new_report_says_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.finish(IDS)  # four assets of one brief, all with the same text
    pairs = run.end().report["alike"]
    assert [row["scores"][NAME] for row in read_rows(run.store.uri, "assets")] == [0.0] * 4
    assert (pairs["count"], pairs["pairs"][0]["similarity"]) == (4, 1.0)
    first = {name: run.store.read_bytes(name) for name in ("report.json", "report.html")}
    remake_report(run.store.uri)
    assert {name: run.store.read_bytes(name) for name in first} == first


def test_an_asset_whose_like_is_gone_makes_no_pair(tmp_path: Path) -> None:
    store = write_output(
        tmp_path, [make_asset_row(scores={NAME: 0.0}), make_asset_row(brief_id="b-2", asset_id="a-2")]
    )
    assert find_similar_pairs(store, {}) == {"count": 1, "pairs": []}


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_long_texts_do_not_widen_the_page(tmp_path: Path, width: int) -> None:
    text = "W" * 300
    assets = [
        make_asset_row(brief_id=text, asset_id=name, fields={text: [text, ATTACK]}, segment=text, scores={NAME: 0.1})
        for name in ("a-1", "a-2")
    ]
    store = write_output(tmp_path / "out", assets)
    file = tmp_path / "report.html"
    page = render_html(build_report(store, make_facts(alike=find_similar_pairs(store, {}))))
    file.write_bytes(page.encode())
    with open_file(file, width) as visit:
        assert visit.page.get_by_text("0.90 alike").first.is_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (visit.requests, visit.problems) == ([], [])
        visit.page.locator("#alike").scroll_into_view_if_needed()
