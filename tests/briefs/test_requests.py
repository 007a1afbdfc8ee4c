"""A request's id is the digest of all that decides its output, and of nothing else, in every process."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from factory.briefs.requests import make_requests, make_seed, order_key
from factory.config.job import Identity, digest_placement, load_job, make_identity
from factory.engines.models.resolve import model_digest
from schemas.brief import Segment
from schemas.placement import Placement
from schemas.request import Request
from tests.support.builders import make_brief, make_placement
from tests.support.jobs import TEMPLATE, make_job, plan_job
from tests.support.paths import ROOT

RUBRIC = "weights: {relevance: 1, specificity: 2}\n"


def make_all(
    locales: tuple[str, ...] = ("en-US",), placement: Placement | None = None, **changes: Any
) -> list[Request]:
    place = placement or make_placement()
    identity = Identity("job", {place.id: digest_placement(place)}, 7)
    return make_requests(make_brief(**changes), [place], locales, identity)


def find_ids(folder: Path, *overrides: str) -> list[str]:
    return plan_job(folder, *overrides).preview.request_ids


def test_a_brief_becomes_placements_by_locales_by_segments() -> None:
    segments = [Segment(name="hikers"), Segment(name="families")]
    free = make_all(("en-US", "de-DE"), locale="", segments=segments)
    assert [(r.locale, r.segment_name) for r in free] == [
        ("en-US", "hikers"),
        ("en-US", "families"),
        ("de-DE", "hikers"),
        ("de-DE", "families"),
    ]
    own = make_all(("en-US", "de-DE"), locale="ja-JP", segments=[])
    assert [(r.locale, r.segment_name, r.segment) for r in own] == [("ja-JP", "", None)]
    assert len({request.request_id for request in free + own}) == 5


def test_ids_are_the_same_in_another_process_and_folder(tmp_path: Path) -> None:
    here = find_ids(make_job(tmp_path / "a"))
    program = "from tests.briefs.test_requests import find_ids; from pathlib import Path; "
    program += f"print(find_ids(Path({str(tmp_path / 'b')!r})))"
    make_job(tmp_path / "b")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == str(here) and len(set(here)) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"price": Decimal("110")},
        {"description": "Other."},
        {"segments": [Segment(name="weekend hikers", needs="x")]},
        {"must_avoid": ["x"]},
        {"disclaimer": "T"},
        {"brief_id": "b-2"},
        {"locale": "en-GB"},
        {"campaign_id": "x"},
        {"attributes": {"a": "b"}},
        {"tone": "dry"},
        {"competitors": ["x"]},
        {"url": "https://a.example/"},
    ],
)
def test_what_a_brief_says_changes_its_ids(changes: dict[str, Any]) -> None:
    assert make_all()[0].request_id != make_all(**changes)[0].request_id


@pytest.mark.parametrize("changes", [{"priority": 5}, {"image_uri": "s3://a/b.png"}])
def test_when_and_with_which_picture_does_not(changes: dict[str, Any]) -> None:
    assert make_all()[0].request_id == make_all(**changes)[0].request_id


@pytest.mark.parametrize(
    "override",
    [
        "text.candidates=3",
        "text.max_repairs=0",
        "text.sampling.temperature=0.1",
        "text.sampling.top_k=5",
        "seed=8",
        "select.keep=2",
        "select.minimum_score=0.4",
        "checks.must_avoid=[cheap]",
        "locales=[en-GB]",
        "text.adapters={Daybird: lora}",
        "text.numbers=never",
        "judge.rubric=rubric.yaml",
    ],
)
def test_what_decides_the_output_changes_every_id(tmp_path: Path, override: str) -> None:
    job = make_job(tmp_path / "job")
    (job / "rubric.yaml").write_text(RUBRIC)
    assert not set(find_ids(job)) & set(find_ids(job, override))


@pytest.mark.parametrize(
    "override",
    [
        "execution.text.batch_rows=3",
        "execution.text.replicas=2",
        "execution.text.engine_options.delay_ms=1",
        "execution.commit_rows=5",
        "execution.unit_rows=1",
        "budget.tokens=5",
        "price.per_gpu_hour=2",
        "output=away",
        "execution.max_quarantine_rate=1.0",
        "name=other",
    ],
)
def test_what_decides_speed_or_place_changes_no_id(tmp_path: Path, override: str) -> None:
    job = make_job(tmp_path / "job")
    assert find_ids(job) == find_ids(job, override)


def test_template_rubric_rules_and_model_are_in_the_id(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", judge={"rubric": "rubric.yaml"})
    (job / "rubric.yaml").write_text(RUBRIC)
    seen = [find_ids(job)]
    (job / "rubric.yaml").write_text(RUBRIC.replace("2", "3"))
    seen.append(find_ids(job))
    (job / "ad.j2").write_text(TEMPLATE.replace("short", "brief"))
    seen.append(find_ids(job))
    (job / "placements").mkdir()
    rules = (ROOT / "schemas/placements/meta_feed.yaml").read_text(encoding="utf-8")
    (job / "placements/meta_feed.yaml").write_text(rules.replace("max: 27", "max: 26"), encoding="utf-8")
    changed = find_ids(job)
    assert changed[0::2] == seen[-1][0::2] and changed[1::2] != seen[-1][1::2]  # google_rsa stays, meta_feed moves
    assert len({identifier for ids in seen for identifier in ids}) == 12
    loaded = load_job(str(job))
    assert make_identity(loaded, "one").job != make_identity(loaded, "other").job
    assert model_digest("smollm2-135m-instruct") == model_digest("smollm2-135m-instruct")


def test_notes_and_sources_of_a_placement_decide_nothing() -> None:
    base = make_placement()
    assert digest_placement(make_placement(note="x", sources=["y"], verified="z")) == digest_placement(base)
    assert digest_placement(make_placement(guidance="x")) != digest_placement(base)
    assert digest_placement(make_placement(rules=["no_emoji"])) != digest_placement(base)


def test_seeds_follow_the_id_and_the_job() -> None:
    first, second = make_all(("en-US", "de-DE"), locale="")
    assert first.seed != second.seed and 0 <= first.seed < 2**31
    assert first.seed == make_seed(first.request_id, 7) != make_seed(first.request_id, 8)


def test_urgent_requests_come_first_and_shared_prefixes_side_by_side() -> None:
    rows = [("b", 0), ("a", 0), ("b", 5), ("a", 0)]
    requests = [
        make_all(brand=brand, priority=priority, brief_id=f"{n}")[0] for n, (brand, priority) in enumerate(rows)
    ]
    ordered = sorted(requests, key=order_key)
    assert [(r.brief.brand, r.priority) for r in ordered] == [("b", 5), ("a", 0), ("a", 0), ("b", 0)]


def test_a_locale_named_twice_counts_once(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", locales=["en-US", "en_us", "en-GB"], placements=["email", "email"])
    assert plan_job(job).preview.by_placement_locale == {("email", "en-GB"): 2, ("email", "en-US"): 2}
