"""One real run over hostile files and rows with a hostile engine: all is told, nothing runs in its report, everyone reads it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from factory.config.placements import load_placements
from tests.fuzz import demands
from tests.fuzz.cases import KINDS, Case, write_case
from tests.fuzz.harness import TEMPLATE
from tests.fuzz.hostile import PIECES, PWNED
from tests.fuzz.strategies import LOCALES, URLS, make_columns
from tests.support.browser import open_file
from tests.support.commands import call_here
from tests.support.jobs import Ended, check_law, make_job, read_manifest, read_rows

pytestmark = pytest.mark.slow

PLACEMENTS = ["google_rsa", "meta_feed"]
_FIELDS = ("product_name", "brand", "description", "campaign_id", "tone", "disclaimer", "category", "brief_id")
_ODD: dict[str, Any] = {
    "date": [20_000, 2**31 - 1],
    "timestamp": [0, 2**62],
    "nanoseconds": [0, 2**62],
    "duration": [1, 2**62],
    "time": [0, 86_399],
    "texts": [[PIECES[0], None], []],
    "numbers": [[1.5, "nan"], None],
    "named": [[{"name": PIECES[1], "needs": None}], [None]],
    "claims": [[{"text": PIECES[2], "evidence": "<b>"}], []],
    "offer": [{"text": PIECES[3], "code": "{{ 1 }}", "starts": 20_000, "ends": "soon"}, None],
    "map": [{PIECES[4]: PIECES[5]}, {}],
    "bool": [True, None],
}


@dataclass(frozen=True)
class Run:
    """The run's end, its output, and how many rows went in by file."""

    ended: Ended
    output: Path
    rows: dict[str, int]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Run:
    folder = tmp_path_factory.mktemp("hostile")
    rows = write_files(folder / "data")
    text = {"template": "ad.j2", "model": "scripted", "candidates": 2, "max_repairs": 1}
    engine = {"engine_options": {"fault": "hostile", "fault_rate": 0.4}}
    execution = {"commit_seconds": 2, "max_quarantine_rate": 1, "text": engine}
    template = TEMPLATE.read_text(encoding="utf-8")
    job = make_job(folder / "job", (), template, name="fuzz", placements=PLACEMENTS, text=text, execution=execution)
    data = ("--briefs", folder / "data")
    ended = call_here("run", job, *data, "--json", timeout=540, RAY_ADDRESS=ray_cluster)
    return Run(ended, job / "out", rows)


def write_files(folder: Path) -> dict[str, int]:
    """Write one file of texts, under a name that attacks whoever shows it, and one of each kind of column."""
    folder.mkdir()
    count = len(PIECES)
    columns = make_columns(count)
    for number, name in enumerate(_FIELDS):
        values = columns.get(name, ["text", [None] * count])[1]
        # Each piece is in two of the fields; the others are as in a good row.
        columns[name] = [
            "text",
            [
                f"{piece} Soft wool {piece}" if (row + number) % 4 == 0 else values[row]
                for row, piece in enumerate(PIECES)
            ],
        ]
    columns["url"] = ["text", [URLS[row % len(URLS)] if row % 3 == 0 else None for row in range(count)]]
    columns["locale"] = ["text", [LOCALES[row % len(LOCALES)] if row % 5 == 0 else None for row in range(count)]]
    columns["<script>" + PWNED] = ["text", list(PIECES)]
    names = {f"<img src=x onerror={PWNED.split(';')[0]}>\u202e\x1b[31m {{{{ 7 }}}}.parquet": count}
    write_case(Case(columns), folder / next(iter(names)))
    for kind in KINDS:
        table = make_columns(2)
        table["brief_id"][1] = [f"{kind}-{row}" for row in range(2)]
        table["description" if kind != "offer" else "offer"] = [kind, _ODD.get(kind, ["7", "-1"])]
        write_case(Case(table), folder / f"{kind}.parquet")
        names[f"{kind}.parquet"] = 2
    return names


def test_it_ends_well_and_the_law_holds(run: Run) -> None:
    assert run.ended.code == 0, run.ended.err[-3000:]
    assert "Traceback" not in run.ended.err + run.ended.out
    counts = read_manifest(run.output)["counts"]
    check_law(counts)
    assert counts["rows_read"] == sum(run.rows.values())
    assert counts["remaining"] == counts["unread"] == 0
    assert counts["accepted"] and counts["refused"] and counts["quarantined"]


def test_every_row_is_told(run: Run) -> None:
    quarantine = read_rows(run.output, "quarantine")
    counts = read_manifest(run.output)["counts"]
    refused = [row["source"] for row in quarantine if row["stage"] == "read"]
    assert len(set(refused)) == len(refused) == counts["refused"]
    # A row that raised, hung or killed something is a defect, however well it was kept from the others.
    assert {row["stage"] for row in quarantine} == {"read", "prompt"}
    for row in quarantine:
        assert row["reason"] and row["detail"], row
        demands.load_json(row["record"])
    candidates = read_rows(run.output, "candidates")
    told = {row["request_id"] for row in candidates} | {row["request_id"] for row in quarantine if row["request_id"]}
    assert len(told) == counts["planned"]
    assert all(row["reason"] for row in candidates if row["status"] != "accepted")


def test_every_asset_fits_its_placement_and_hides_nothing(run: Run) -> None:
    known = load_placements([])
    assets = read_rows(run.output, "assets")
    assert assets
    for row in assets:
        demands.check_copy(row["fields"], known[row["placement"]])


def test_names_and_metadata_of_files_hold_no_text_of_a_brief(run: Run) -> None:
    demands.check_files(run.output)


def test_pandas_and_duckdb_read_everything(run: Run) -> None:
    for table in ("assets", "candidates", "quarantine"):
        expected = len(read_rows(run.output, table))
        assert len(pd.read_parquet(run.output / table)) == expected
        found = duckdb.sql(
            f"SELECT count(*), count(DISTINCT t::VARCHAR) FROM '{run.output}/{table}/**/*.parquet' AS t"
        )
        assert found.fetchall()[0][0] == expected


def test_what_is_printed_has_no_escape_sequences(run: Run) -> None:
    assert not {"\x1b", "\x07", "\u202e"} & set(run.ended.out + run.ended.err)
    json.dumps(run.ended.data)


def test_a_plan_of_it_has_no_escape_sequences_either(run: Run) -> None:
    job = run.output.parent
    ended = call_here("plan", job, "--briefs", job.parent / "data")
    assert ended.code == 0, ended.err[-2000:]
    assert not {"\x1b", "\x07", "\u202e"} & set(ended.out + ended.err)


def test_the_report_holds_everything_and_runs_nothing(run: Run) -> None:
    report = demands.load_json((run.output / "report.json").read_text(encoding="utf-8"))
    file = run.output / "report.html"
    page = file.read_text(encoding="utf-8")
    demands.check_report(report, page)
    assert PWNED.split(";")[0] in page, "no attack is on the page: this test looks at nothing"


@pytest.mark.browser
def test_the_report_in_a_browser(run: Run) -> None:
    with open_file(run.output / "report.html", 1280) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        visit.page.evaluate(
            "document.querySelectorAll('main *').forEach(each => { each.dispatchEvent(new MouseEvent('mouseover')); })"
        )
        assert (visit.requests, visit.problems) == ([], [])
        assert visit.page.evaluate("window.pwned") is None
        assert visit.page.title() == "fuzz: run report"
        parts = visit.page.evaluate(
            "[...document.querySelectorAll('*')].flatMap(each => "
            "[[each.localName], ...[...each.attributes].map(own => [each.localName, own.name])])"
        )
        allowed = {part[:2] for part in demands.allowed_parts()} | {("svg", "viewBox"), ("details", "open")}
        assert {tuple(part) for part in parts} <= allowed
