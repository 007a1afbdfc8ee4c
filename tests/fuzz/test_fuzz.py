"""What once broke the factory, a short campaign of new cases, every attack of the scripted engine; and that alarms ring."""

import os
import secrets
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.engines.scripted.hostile_answers import WAYS
from schemas.outcome import Refusal
from tests.fuzz import demands
from tests.fuzz.campaign import run_campaign
from tests.fuzz.cases import CORPUS, Case, load_case
from tests.fuzz.harness import finish, run_case, work
from tests.fuzz.strategies import make_columns
from tests.support.builders import make_candidate, make_fields, make_placement

KEPT = sorted(CORPUS.glob("*.json"))
SHORT = 240  # briefs, and answers


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_what_once_broke_it_does_not_again(path: Path) -> None:
    case = load_case(path)
    assert case.dump() == path.read_text(encoding="utf-8")
    run_case(case)


@pytest.mark.slow
def test_a_short_campaign_finds_nothing() -> None:
    seed = 7 if os.environ.get("CI") else secrets.randbelow(2**31)
    campaign = run_campaign(SHORT, SHORT, seed, lambda _: None, round_cases=40)
    told = "\n".join(f"{place}\n{case.dump()}" for place, case in campaign.failures.items())
    assert not campaign.failures, f"seed {seed}; keep these in tests/fuzz/corpus:\n{told}"
    counts = campaign.tally.counts
    assert counts["briefs"] >= SHORT and counts["answers"] >= SHORT
    assert counts["refused_briefs"] and counts["candidates_accepted"] and counts["candidates_rejected"]


def test_every_attack_of_the_scripted_engine_is_survived_and_told() -> None:
    spoilt = [{"way": way, "at": 1} for way in WAYS]
    batch = [
        work(Case(make_columns(1), [answer, {"good": True}], ["meta_feed"]), number)
        for number, answer in enumerate(spoilt)
    ]
    finish(batch)
    reasons = {way: worked.outcomes[0].candidates[0].reason for way, worked in zip(WAYS, batch, strict=True)}
    assert {way for way, reason in reasons.items() if not reason} <= HARMLESS, reasons
    assert all(worked.outcomes[0].accepted for worked in batch), "the good answer beside an attack was lost"


# Odd, and good copy all the same: another key or the same twice, a pair of surrogates that makes an emoji.
HARMLESS = {"surrogate_pair", "extra_keys", "long_key", "every_key_twice", "half_surrogate_key"}


@pytest.mark.parametrize(
    "text", ["a\x1b[31m", "a\u202eb", "a\u200bb", "a<b>c", "{{ x }}", "<|im_end|>", "a\ue000", "x" * 31, "", "a\nb"]
)
def test_copy_that_must_not_get_out_would_be_noticed(text: str) -> None:
    fields = make_fields()
    demands.check_asset(make_candidate(), make_placement())
    with pytest.raises(AssertionError):
        demands.check_copy(fields | {"headline": [text, *fields["headline"][1:]]}, make_placement())


@pytest.mark.parametrize(
    "text", ["<script>1</script>", "<p onclick=x>", "<!-- -->", "<iframe>", "<a href='javascript:x'>", "\x00", "<?x"]
)
def test_a_page_with_something_unescaped_would_be_noticed(text: str) -> None:
    demands.check_report({}, "<!doctype html><p dir='auto'>&lt;script&gt;</p>")
    with pytest.raises(AssertionError):
        demands.check_report({}, f"<!doctype html><p dir='auto'>{text}</p>")


def test_brief_text_in_the_names_or_metadata_of_a_file_would_be_noticed(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})
    pq.write_table(table, tmp_path / "part-0.parquet")
    assert demands.check_files(tmp_path) == [tmp_path / "part-0.parquet"]
    for described in ({"product": "Socks"}, {"factory.segment": '{"brief": "<b>"}'}):
        pq.write_table(table.replace_schema_metadata(described), tmp_path / "part-0.parquet")
        with pytest.raises(AssertionError):
            demands.check_files(tmp_path)
    (tmp_path / "part-0.parquet").rename(tmp_path / "Warm socks.parquet")
    with pytest.raises(AssertionError):
        demands.check_files(tmp_path)


@pytest.mark.parametrize(
    "change", [{"reason": "Bad price"}, {"detail": " "}, {"record": '{"a": NaN}'}, {"record": "{"}]
)
def test_a_refusal_that_says_nothing_would_be_noticed(change: dict[str, str]) -> None:
    refusal = Refusal(stage="read", reason="invalid_price", detail="price: is -1", record="{}")
    demands.check_refusal(refusal)
    with pytest.raises((AssertionError, ValueError)):
        demands.check_refusal(refusal.model_copy(update=change))
