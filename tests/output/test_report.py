"""The report's numbers against an output made by hand, and its page when there is little or nothing to show."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import StorageError
from factory.output.report.advice import cure_rule
from factory.output.report.build import build_report, render_html, summarize
from schemas.job import Price
from schemas.rubric import Calibration
from tests.support.output_builders import (
    make_asset_row,
    make_candidate_row,
    make_facts,
    make_quarantine_row,
    make_rejected_row,
    write_output,
)


@pytest.fixture
def night(tmp_path: Path) -> dict[str, Any]:
    """Three requests on two placements: one accepted at once, one after a repair, one lost; and two refusals."""
    second = {"request_id": "r-2", "brief_id": "b-2", "placement": "other", "campaign_id": "winter", "locale": "de-DE"}
    third = second | {"request_id": "r-3", "brief_id": "b-3"}
    store = write_output(
        # The '=' in the path above the output must not be taken for a partition.
        tmp_path / "placement=wrong" / "out",
        assets=[make_asset_row(), make_asset_row(asset_id="a-2", score=0.4, scores={"relevance": 0.4}, **second)],
        candidates=[
            make_candidate_row(),
            make_candidate_row(candidate=1, status="unselected", reason="others scored higher", score=0.7, rank=None),
            make_rejected_row("length", "31 of 30", **second),
            make_candidate_row(
                candidate=1, attempt=1, repaired_from=0, score=0.4, scores={"relevance": 0.4}, **second
            ),
            make_rejected_row("length", "40 of 30", missing_scores=["judge"], **third),
            make_rejected_row("grounding", "says 30%", candidate=1, output_tokens=200, **third),
        ],
        quarantine=[make_quarantine_row(), make_quarantine_row(brief_id="b-8", source="night.parquet row 20")],
    )
    counts = {"rows_read": 5, "briefs": 3, "refused": 2, "planned": 4, "accepted": 2, "accepted_without_repair": 1}
    facts = make_facts(counts=counts | {"rejected": 1, "remaining": 1, "assets": 2})
    report: dict[str, Any] = json.loads(json.dumps(build_report(store, facts)))
    return report


def test_accepted_share_leaves_out_what_was_not_tried_yet(night: dict[str, Any]) -> None:
    assert night["accepted"] == {
        "requests": 2,
        "of": 3,
        "assets": 2,
        "share": pytest.approx(2 / 3),
        "share_without_repair": pytest.approx(1 / 3),
    }


def test_conservation_lines_add_up_and_a_gap_is_shown(night: dict[str, Any]) -> None:
    assert night["conservation"]["requests"]["holds"]
    assert night["conservation"]["rows"] == {"total": 5, "briefs": 3, "refused": 2, "replaced": 0, "holds": True}
    page = render_html(night)
    assert "4 requests planned = 2 accepted + 1 rejected + 0 quarantined + 1 remaining" in " ".join(page.split())
    assert "does not add up" not in page
    broken = night | {
        "conservation": night["conservation"] | {"rows": night["conservation"]["rows"] | {"holds": False}}
    }
    assert "does not add up" in render_html(broken)


def test_groups_count_requests_assets_and_cost(night: dict[str, Any]) -> None:
    other, search = night["groups"]["placement"]["rows"]
    assert (other["name"], other["requests"], other["accepted"], other["accepted_without_repair"]) == (
        "other",
        2,
        1,
        0,
    )
    assert (search["title"], search["requests"], search["accepted_without_repair"]) == ("Test search ad", 1, 1)
    # 700 output tokens in all, 500 of them for `other`; 120 s of one GPU at 3 EUR an hour are 0.10 EUR.
    assert other["cost"] == pytest.approx(0.1 * 500 / 700)
    assert {row["name"]: row["requests"] for row in night["groups"]["campaign"]["rows"]} == {"winter": 2, "autumn": 1}
    assert {row["name"]: row["requests"] for row in night["groups"]["locale"]["rows"]} == {"de-DE": 2, "en-US": 1}
    assert [row["name"] for row in night["groups"]["segment"]["rows"]] == ["hikers"]


def test_cost_and_speed(night: dict[str, Any]) -> None:
    assert night["cost"]["total"] == pytest.approx(0.1)
    assert night["cost"]["per_asset"] == pytest.approx(0.05)
    assert night["speed"]["output_tokens_per_second"] == pytest.approx(5.0)
    assert night["speed"]["requests_per_second"] == pytest.approx(3 / 80)


def test_rejections_name_rule_requests_and_an_example_of_a_lost_one(night: dict[str, Any]) -> None:
    length, grounding = night["rejections"]["rules"]
    assert (length["name"], length["candidates"], length["requests"], length["lost"]) == ("length", 2, 2, 1)
    assert length["example"]["detail"] == "40 of 30"
    assert length["example"]["fields"]["headline"][0] == "Waterproof Leather Boots"
    assert (grounding["name"], grounding["lost"], grounding["example"]["brief_id"]) == ("grounding", 1, "b-3")
    assert night["rejections"]["unused"] == [
        {"status": "unselected", "name": "others scored higher", "candidates": 1, "requests": 1}
    ]


def test_reasons_that_differ_only_in_numbers_are_one_line(tmp_path: Path) -> None:
    rows = [
        make_candidate_row(
            candidate=n, status="unselected", reason=f"too similar to candidate {n} (0.9{n})", rank=None
        )
        for n in range(3)
    ]
    low = make_candidate_row(candidate=9, status="rejected", reason="below minimum score 0.50: 0.31", rank=None)
    report = build_report(write_output(tmp_path, candidates=[*rows, low]), make_facts())
    assert [(row["name"], row["candidates"]) for row in report["rejections"]["unused"]] == [
        ("too similar", 3),
        ("below minimum score", 1),
    ]


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("readable", "JSON"),
        ("grounding_price", "brief"),
        ("length", "limit"),
        ("must_include", "required"),
        ("no_emoji", "house rule"),
        ("max_word_repeats", "house rule"),
        ("no_such_rule_yet", "house rule"),
        ("something_new", "example"),
    ],
)
def test_every_rule_has_a_cure(rule: str, word: str) -> None:
    assert word in cure_rule(rule)


def test_quarantine_has_an_example_and_a_fix(night: dict[str, Any]) -> None:
    (reason,) = night["quarantine"]["reasons"]
    assert (reason["reason"], reason["stage"], reason["rows"]) == ("bad_price", "read", 2)
    assert reason["example"] == {"brief_id": "b-9", "detail": "price is -1", "source": "night.parquet row 17"}
    assert "columns:" in reason["fix"]


def test_scores_spread_over_bins_with_missing_ones_named(night: dict[str, Any]) -> None:
    total, judge, relevance = night["scores"]
    assert (total["name"], judge["name"], relevance["name"]) == ("total", "judge", "relevance")
    assert total["assets"]["bins"][8] == 1
    assert total["assets"]["bins"][16] == 1
    assert sum(total["candidates"]["bins"]) == total["candidates"]["count"] == 3
    assert total["assets"]["mean"] == pytest.approx(0.6)
    assert judge["missing"] == 1
    assert judge["assets"] is None


def test_best_and_worst_are_apart_and_carry_their_losers(tmp_path: Path) -> None:
    assets = [make_asset_row(asset_id=f"s-{n}", request_id=f"r-{n}", score=n / 20) for n in range(10)]
    assets += [
        make_asset_row(asset_id=f"o-{n}", request_id=f"q-{n}", score=0.9 + n / 100, placement="other")
        for n in range(5)
    ]
    loser = make_candidate_row(request_id="q-4", candidate=3, status="unselected", reason="others scored higher")
    weaker = make_rejected_row("length", "31 of 30", request_id="q-4", candidate=1)
    report = build_report(write_output(tmp_path, assets, [weaker, loser]), make_facts())
    assert [asset["asset_id"] for asset in report["best"]] == ["o-4", "s-9", "o-3", "s-8", "o-2", "s-7"]
    assert [asset["asset_id"] for asset in report["worst"]] == ["s-0", "o-0", "s-1", "o-1", "s-2", "s-3"]
    assert [loser["reason"] for loser in report["best"][0]["losers"]] == ["others scored higher", "length: 31 of 30"]
    assert report["best"][1]["title"] == "Test search ad"
    assert list(report["best"][1]["fields"]) == ["headline", "description"]


def test_long_tables_end_in_a_sum_of_the_rest(tmp_path: Path) -> None:
    rows = [make_candidate_row(request_id=f"r-{n}", campaign_id=f"c-{n:02}") for n in range(15)]
    report = build_report(write_output(tmp_path, candidates=rows), make_facts())
    assert len(report["groups"]["campaign"]["rows"]) == 12
    assert report["groups"]["campaign"]["more"] == {"groups": 3, "requests": 3, "accepted": 0, "assets": 0}
    assert "and 3 more" in render_html(report)


def test_without_a_price_seconds_are_shown_and_the_way_to_money(tmp_path: Path) -> None:
    counts = {"planned": 1, "accepted": 1, "assets": 1}
    facts = make_facts(counts=counts, price=Price())
    report = build_report(write_output(tmp_path, [make_asset_row()], [make_candidate_row()]), facts)
    assert report["cost"]["total"] is None
    assert report["cost"]["seconds_per_asset"] == 120
    assert "price:" in render_html(report)
    assert ("Per accepted asset", "2 min 0 s") in summarize(report)


def test_summary_is_what_the_report_says(night: dict[str, Any]) -> None:
    rows = dict(summarize(night))
    assert rows["Accepted"] == "66.7% of 3 requests (33.3% before repair)"
    assert rows["Per accepted asset"] == "EUR 0.05"
    assert rows["Remaining"] == "1"
    assert rows["Top rejection"] == "length (2 candidates)"
    assert "engine load 20.0 s" in rows["Time"]


def test_a_judge_that_cannot_tell_is_named(tmp_path: Path) -> None:
    judge = Calibration(
        model="m", num_pairs=6, auc=0.52, minimum_auc=0.7, weight=0.0, note="It cannot tell them apart."
    )
    report = build_report(write_output(tmp_path), make_facts(calibration=judge, counts={"rows_read": 1, "planned": 1}))
    page = render_html(report)
    assert "AUC 0.52 on 6 gold pairs" in page
    assert "It cannot tell them apart." in page
    assert any(step["title"] == "The judge does not count" for step in report["next_steps"])


@pytest.mark.parametrize(
    ("counts", "quarantine", "expected"),
    [
        ({}, 0, "There was nothing to do"),
        ({"rows_read": 2, "refused": 2}, 2, "bad_price"),
        ({"rows_read": 2, "briefs": 2, "planned": 2, "quarantined": 2}, 2, "2 quarantined"),
        ({"rows_read": 2, "briefs": 2, "planned": 2, "remaining": 2}, 0, "Not done yet: 2 requests"),
    ],
)
def test_reports_of_runs_without_an_asset_render(
    tmp_path: Path, counts: dict[str, int], quarantine: int, expected: str
) -> None:
    store = write_output(tmp_path, quarantine=[make_quarantine_row(brief_id=str(n)) for n in range(quarantine)])
    report = build_report(store, make_facts(counts=counts, phase_seconds={}, tokens={}))
    assert expected in render_html(report)
    assert "No asset was accepted" in render_html(report)
    assert summarize(report)[0][0] == "Accepted"
    json.dumps(report, allow_nan=False)


def test_rejected_only_run_renders(tmp_path: Path) -> None:
    rows = [make_rejected_row("readable", "the answer is not JSON", fields={}, raw="sorry, I", scores=None)]
    report = build_report(write_output(tmp_path, candidates=rows), make_facts(counts={"planned": 1, "rejected": 1}))
    assert report["accepted"]["share"] == 0
    page = render_html(report)
    assert "sorry, I" in page
    assert "No asset was accepted" in page


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    store = write_output(tmp_path, [make_asset_row()], [make_candidate_row()])
    (tmp_path / "candidates" / "part-1.parquet").write_bytes(b"PAR1 this is not Parquet PAR1")
    with pytest.raises(StorageError, match="candidates"):
        build_report(store, make_facts())
