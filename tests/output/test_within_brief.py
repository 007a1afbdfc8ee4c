"""Assets of one brief against one another: right values whatever the order, the rest of the tables as it was."""

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from factory.errors import StorageError
from factory.journal.columns import ASSET_FILES
from factory.output.tables import writer
from factory.output.tables.compact import compact
from factory.output.tables.rows import RunLabels
from factory.output.uniqueness import within_brief as uniqueness_module
from factory.output.uniqueness.within_brief import NAME, find_nearest, open_brief_uniqueness
from factory.storage.store import Store
from schemas.outcome import Outcome, Status
from tests.support.brief_assets import ATTACK, NAMES, PLACEMENTS, end, make_asset, write_assets
from tests.support.jobs import read_rows


def read_values(folder: Path | str) -> dict[tuple[str, str, str], float | None]:
    """The score by brief, placement and locale."""
    rows = read_rows(folder, "assets")
    return {(row["brief_id"], row["placement"], row["locale"]): row["scores"].get(NAME) for row in rows}


def read_files(store: Store, files: dict[str, int]) -> dict[str, bytes]:
    return {path: store.read_bytes(path) for path in files}


@pytest.mark.parametrize(
    ("assets", "nearest"),
    [
        ([], []),
        ([["boots"]], [None]),
        ([["boots", "warm"], ["boots", "dry"]], [(1 / 3, 1), (1 / 3, 0)]),
        ([["a1"], ["b1"]], [(0.0, 1), (0.0, 0)]),
        ([["a1"], [], ["a1"]], [(1.0, 2), None, (1.0, 0)]),
        ([[], []], [None, None]),
        ([["a1", "b1", "c1"], ["a1", "x1"], ["a1", "b1", "y1"]], [(0.5, 2), (0.25, 0), (0.5, 0)]),
    ],
)
def test_the_nearest_other_one_is_found(assets: list[list[str]], nearest: list[Any]) -> None:
    assert find_nearest(assets) == nearest


def test_values_are_right_by_hand(tmp_path: Path) -> None:
    assets = [
        make_asset("b-1", "google_rsa", "Waterproof leather boots"),
        make_asset("b-1", "meta_feed", "Waterproof leather soles today"),  # 2 words of 5 in common
        make_asset("b-1", "email", "Something entirely different"),
        make_asset("b-2", "google_rsa", "Warm lamp"),
        make_asset("b-2", "email", "Warm LAMPS"),  # 'lamp' and 'lamps' are two words at this length
        make_asset("b-3", "google_rsa", "Waterproof leather boots"),  # as b-1 says it, and another brief
    ]
    end(write_assets(tmp_path, assets))
    assert read_values(tmp_path) == {
        ("b-1", "google_rsa", "en-US"): 0.6,
        ("b-1", "meta_feed", "en-US"): 0.6,
        ("b-1", "email", "en-US"): 1.0,
        ("b-2", "google_rsa", "en-US"): round(1 - 1 / 3, 4),
        ("b-2", "email", "en-US"): round(1 - 1 / 3, 4),
        ("b-3", "google_rsa", "en-US"): None,
    }


def test_ranks_of_one_request_are_siblings(tmp_path: Path) -> None:
    asset = make_asset("b-1", "email", "Waterproof leather boots")
    second = asset.candidates[0].change(index=1, rank=1, fields={"body": ["Waterproof leather soles"]})
    loser = asset.candidates[0].change(
        index=2, rank=None, status=Status.UNSELECTED
    )  # as alike as can be, and no asset
    end(write_assets(tmp_path, [asset.change(candidates=[*asset.candidates, second, loser])]))
    assert [row["scores"][NAME] for row in read_rows(tmp_path, "assets")] == [0.5, 0.5]
    assert all(NAME not in row["scores"] for row in read_rows(tmp_path, "candidates"))


def test_only_assets_of_the_same_language_are_compared(tmp_path: Path) -> None:
    text = "Waterproof leather boots"
    locales = [("google_rsa", "en-US"), ("google_rsa", "en-GB"), ("email", "de-DE"), ("meta_feed", "fr-FR")]
    assets = [make_asset("b-1", placement, text, target=locale) for placement, locale in locales]
    end(write_assets(tmp_path, assets))
    values = read_values(tmp_path)
    assert values["b-1", "google_rsa", "en-US"] == values["b-1", "google_rsa", "en-GB"] == 0.0
    assert values["b-1", "email", "de-DE"] is values["b-1", "meta_feed", "fr-FR"] is None


def test_what_code_put_there_does_not_count(tmp_path: Path) -> None:
    legal = "Offer ends soon, conditions apply everywhere."
    url = ["https://daybird.example/waterproof/boots"]
    first = {"headline": ["Warm socks"], "description": ["Cosy wool", legal], "final_url": url}
    second = {"primary_text": [f"Fresh bread {legal}"], "headline": ["Crusty loaf"], "link": url}
    assets = [make_asset("b-1", "google_rsa", "", first), make_asset("b-1", "meta_feed", "", second)]
    for name, disclaimer, expected in (("with", legal, 1.0), ("without", "", 0.5714)):  # 6 of 14 words are the line's
        changed = [each.request.brief.change(disclaimer=disclaimer) for each in assets]
        pairs = zip(assets, changed, strict=True)
        store = write_assets(
            tmp_path / name, [each.change(request=each.request.change(brief=brief)) for each, brief in pairs]
        )
        end(store)
        assert set(read_values(tmp_path / name).values()) == {expected}, name


def make_many(count: int) -> list[Outcome]:
    """Assets of `count` briefs on three placements, with words shared at random; every fifth brief has one only."""
    draw, words = random.Random(3), [f"word{number:02d}"[-5:] for number in range(40)]
    return [
        make_asset(f"b-{number}", placement, " ".join(draw.sample(words, 12)))
        for number in range(count)
        for placement in (NAMES if number % 5 else NAMES[:1])
    ]


def test_values_do_not_depend_on_order_or_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes, found = make_many(40), []
    for seed, per_segment in enumerate((1000, 7, 50)):
        monkeypatch.setattr(uniqueness_module, "BATCH_ROWS", (2048, 5, 16)[seed])
        random.Random(seed).shuffle(outcomes)
        store = write_assets(tmp_path / str(seed), outcomes, per_segment)
        found.append(read_files(store, end(store)))
    assert found[0] == found[1] == found[2]
    values = read_values(tmp_path / "0")
    assert {value is None for key, value in values.items() if int(key[0][2:]) % 5 == 0} == {True}
    assert {0 < (value or 0) < 1 for key, value in values.items() if int(key[0][2:]) % 5} == {True}


def test_doing_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    store = write_assets(tmp_path, make_many(20))
    once = read_files(store, end(store))
    assert read_files(store, end(store)) == once
    assert read_files(store, end(store, times=2)) == once


def test_rows_order_and_other_columns_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "CHUNK_ROWS", 10)
    monkeypatch.setattr(writer, "PART_BYTES", 5_000)
    store = write_assets(tmp_path, make_many(60))
    files = compact(store, store, "text", RunLabels("m", "t", {}, NAMES)).files
    before = {path: pq.read_table(tmp_path / path, partitioning=None) for path in files}
    assert end(store) == files and len(files) > 8
    for path, table in before.items():
        after = pq.read_table(tmp_path / path, partitioning=None)
        if not path.startswith("assets/"):
            assert after.equals(table)
            continue
        assert after.schema.equals(ASSET_FILES)
        assert after.drop_columns(["scores"]).equals(table.drop_columns(["scores"]))
        scores = [[entry for entry in entries if entry[0] != NAME] for entries in after["scores"].to_pylist()]
        assert scores == table["scores"].to_pylist()
    frame = pd.read_parquet(tmp_path / "assets")
    assert len(frame) == 48 * 3 + 12
    assert sum(NAME in dict(scores) for scores in frame["scores"]) == 48 * 3


def test_without_siblings_no_file_is_touched(tmp_path: Path) -> None:
    store = write_assets(tmp_path, [make_asset(f"b-{n}", NAMES[n % 3], "Waterproof leather boots") for n in range(9)])
    with open_brief_uniqueness(PLACEMENTS) as uniqueness:
        files = compact(store, store, "text", RunLabels("m", "t", {}, NAMES), show=uniqueness.add).files
        before = {path: (tmp_path / path).stat().st_ino for path in files}
        assert uniqueness.rate(store, files) == 0
    assert {path: (tmp_path / path).stat().st_ino for path in files} == before
    assert set(read_values(tmp_path).values()) == {None}


@pytest.mark.parametrize(
    "text",
    [
        ATTACK,
        "'); DROP TABLE texts; --",
        "nul\x00 bell\x07 tab\t line\n para\u2029 space\u3000",
        "lone \ud800 surrogate",
        "W" * 300_000 + " " + "boots " * 100_000,
        "雨の日も、遠くまで。",
        "جلد مقاوم للماء",
    ],
)
def test_hostile_text_is_only_text(tmp_path: Path, text: str) -> None:
    with open_brief_uniqueness(PLACEMENTS) as uniqueness:
        for number, placement in enumerate(NAMES):
            fields = {PLACEMENTS[placement].written[0].name: [text if number else f"{text} another"]}
            asset = {"asset_id": f"a-{number}", "brief_id": text, "locale": "en-US"}
            uniqueness.add(asset | {"placement": placement, "fields": fields}, {"disclaimer": text[:1]})
        assert uniqueness.rate(Store(str(tmp_path)), {}) == 3
        assert uniqueness._look_up("a-1") == 0.0
        assert 0 < (uniqueness._look_up("a-0") or 0) < 1


def test_an_asset_without_a_word_has_no_score_and_is_nobodys_likeness(tmp_path: Path) -> None:
    mute, other = make_asset("b-1", "email", "!!! 🙂"), make_asset("b-1", "meta_feed", "Leather boots")
    end(write_assets(tmp_path, [mute, other]))
    assert read_values(tmp_path) == {("b-1", "email", "en-US"): None, ("b-1", "meta_feed", "en-US"): 1.0}


def test_a_full_temporary_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uniqueness_module, "_TABLES", uniqueness_module._TABLES + "PRAGMA max_page_count = 8;")
    asset = {"placement": "email", "locale": "en-US", "fields": {"body": [" ".join(map(str, range(5000)))]}}
    with pytest.raises(StorageError, match="full") as caught, open_brief_uniqueness(PLACEMENTS) as uniqueness:
        for number in range(3000):
            uniqueness.add(asset | {"asset_id": str(number), "brief_id": "b"}, {})
    assert "TMPDIR" in caught.value.hint


@pytest.mark.s3
def test_it_works_on_s3(bucket: str) -> None:
    store = write_assets(f"{bucket}/night1", make_many(3))
    end(store)
    assert sorted(value is None for value in read_values(store.uri).values()) == [False] * 6 + [True]
