"""The judge itself: it must see every breach, or the campaigns prove nothing. And plans: the same seed, the same plan."""

import json
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.chaos.homes import Place
from tests.chaos.judge import Trial, judge_command, judge_naming, judge_output, judge_second
from tests.chaos.lab import Truth, read_truth
from tests.chaos.plans import ENDING, KINDS, POISON, WEATHER, Fault, Plan, draw_plan, iterate_plans
from tests.chaos.runner import Ended
from tests.support.commands import call_here
from tests.support.jobs import make_job, make_product_rows

pytestmark = pytest.mark.integration

PLAN = Plan(1, "local", "plain", 4, 2, ())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Path:
    job = make_job(tmp_path_factory.mktemp("job"), make_product_rows(3), execution={"commit_rows": 2})
    ended = call_here("run", job, RAY_ADDRESS=ray_cluster)
    assert ended.code == 0, ended.err
    return job / "out"


@pytest.fixture
def output(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


def judge(output: Path, truth: Truth, plan: Plan = PLAN) -> list[str]:
    return judge_output(plan, Place(str(output), {}, folder=output), truth)


def end(code: int | None, err: str = "", out: str = "") -> Ended:
    return Ended(code, 9.0, out, err, "")


def change_table(file: Path, keep: slice) -> None:
    table = pq.read_table(file, partitioning=None)
    pq.write_table(pa.Table.from_pylist(table.to_pylist()[keep], schema=table.schema), file)


def test_an_undisturbed_run_passes(output: Path, finished: Path) -> None:
    assert judge(output, read_truth(str(finished))) == []


def test_lost_and_changed_rows_are_seen(output: Path, finished: Path) -> None:
    truth = read_truth(str(finished))
    change_table(next((output / "assets").rglob("*.parquet")), slice(1, None))
    found = " ".join(judge(output, truth))
    assert "assets has 5 rows, the undisturbed run 6" in found and "manifest counts 6 rows of assets" in found


def test_lost_requests_are_seen(output: Path, finished: Path) -> None:
    truth = read_truth(str(finished))
    next((output / "segments" / "text").glob("*.parquet")).unlink()
    assert "requests are lost" in " ".join(judge(output, truth))


@pytest.mark.parametrize("name", ["assets/.abc.tmp", "staging/x/part-00000.parquet", "lease/3.json", "notes.txt"])
def test_litter_is_seen(output: Path, finished: Path, name: str) -> None:
    truth = read_truth(str(finished))
    (output / name).parent.mkdir(parents=True, exist_ok=True)
    (output / name).write_bytes(next((output / "candidates").glob("*.parquet")).read_bytes())
    assert "litter" in " ".join(judge(output, truth))


def test_a_broken_law_and_wrong_counts_are_seen(output: Path, finished: Path) -> None:
    truth = read_truth(str(finished))
    manifest = json.loads((output / "manifest.json").read_text())
    manifest["counts"]["accepted"] -= 1
    (output / "manifest.json").write_text(json.dumps(manifest))
    found = " ".join(judge(output, truth))
    assert "conservation law" in found and "counts accepted 5, the undisturbed run 6" in found


@pytest.mark.parametrize(
    ("kind", "ended", "breach"),
    [
        ("", end(1, "error: no\n  fix: yes\n"), "ended with 1"),
        ("kill_driver", end(-9), ""),
        ("kill_text", end(-9), "ended with -9"),
        ("kill_text", end(1, "error: it died\n"), "what to do"),
        ("kill_text", end(None), "hung"),
        ("sigterm", end(3), "Go on with"),
        ("sigterm", end(3, "Go on with: factory run job"), ""),
        ("sigterm", end(-15), "ended with -15"),
        ("sigterm", replace(end(-15), seconds=0.3), ""),
        ("forbid", end(1, "error: it failed\n  fix: look\n"), "denied"),
        ("kill_s3", end(0, "Traceback (most recent call last)"), "Traceback"),
    ],
)
def test_endings_are_judged_by_what_befell_them(kind: str, ended: Ended, breach: str) -> None:
    struck = (Fault(kind),) if kind else ()
    found = judge_command(Trial(ended, struck), [])
    assert (breach in " ".join(found)) if breach else found == []


def test_orphans_second_drivers_and_silence_about_damage_are_seen() -> None:
    assert "left process 7 raylet" in " ".join(judge_command(Trial(end(0), (), ("7 raylet",)), []))
    assert judge_second(end(0), first_was_running=True) and judge_second(end(2, "error: no"), first_was_running=True)
    assert not judge_second(end(0), first_was_running=False)
    assert not judge_second(end(2, "error: out is being worked on by x"), first_was_running=True)
    trial = Trial(end(3, out="set aside segments/text/a.parquet"), ())
    assert judge_command(trial, ["segments/text/a.parquet"]) == [] and judge_command(trial, [])
    assert judge_naming([trial], ["segments/text/a.parquet"]) == [] and judge_naming(
        [trial], ["segments/text/b.parquet"]
    )


def test_a_seed_is_a_plan_and_every_kind_comes_round() -> None:
    plans = list(islice(iterate_plans(first=1), 3 * len(KINDS)))
    assert plans == [draw_plan(plan.seed) for plan in plans]
    assert {fault.kind for plan in plans for fault in plan.faults} == set(KINDS)
    assert all(plan.has("clock_jump") for plan in islice(iterate_plans(1, "clock_jump"), 3))
    for plan in plans:
        kinds = [fault.kind for fault in plan.faults if fault.kind not in (*WEATHER, *POISON)]
        if "corrupt_segment" in kinds and set(kinds) & set(ENDING):
            assert kinds.index("corrupt_segment") > min(kinds.index(kind) for kind in kinds if kind in ENDING)
