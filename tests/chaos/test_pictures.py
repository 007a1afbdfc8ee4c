"""The judge of pictures sees every breach, and plans with pictures are the plans of their seeds."""

import hashlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from factory.storage.store import Store
from tests.chaos.faults import name_step
from tests.chaos.pictures import judge_pictures, list_pictures
from tests.chaos.plans import BETWEEN, ENDING, IMAGES, KINDS, add_pictures, iterate_plans

pytestmark = pytest.mark.unit  # no plan is run here

Rows = dict[str, list[dict[str, Any]]]
ENDED = {"accepted": 2, "rejected": 1, "quarantined": 1, "remaining": 0}


class Output:
    """Two pictures on storage, with the rows and counts of a run that made them, rejected one and quarantined another."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder))
        self.rows: Rows = {"assets": [{"asset_id": "t", "kind": "text", "image_uri": None}], "quarantine": []}
        self.rows["creatives"] = [{"creative_id": "c-2", "variant": 0, "image_uri": None}]
        self.rows["quarantine"] = [{"stage": "images", "creative_id": "c-3"}, {"stage": "read", "creative_id": None}]
        for number in range(2):
            data = bytes([number]) * 9
            name = hashlib.sha256(data).hexdigest()
            path = f"images/{name[:2]}/{name}.png"
            self.store.write_bytes(path, data)
            row = {"asset_id": f"a-{number}", "kind": "image", "image_uri": path, "sha256": name, "num_bytes": 9}
            self.rows["assets"].append(row)
            self.rows["creatives"].append({"creative_id": f"c-{number}", "variant": 0, "image_uri": path})
        self.counts = {"creatives_planned": 4} | {f"creatives_{name}": number for name, number in ENDED.items()}
        self.wanted = list_pictures(self.store)

    def judge(self) -> list[str]:
        return judge_pictures(self.store.uri, self.rows, self.counts, self.wanted)

    @property
    def path(self) -> str:
        """A picture's file."""
        return str(self.rows["assets"][1]["image_uri"])


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path)


def test_a_whole_output_passes(output: Output) -> None:
    assert output.judge() == []


@pytest.mark.parametrize(
    ("spoil", "breach"),
    [
        (lambda out: out.store.delete(out.path), "there is no such file"),
        (lambda out: out.store.write_bytes(out.path, b"8" * 9), "its bytes are not what its name says"),
        (lambda out: out.store.write_bytes("images/00/left.png", b"x"), "1 are strange"),
        (lambda out: out.store.delete(out.path), "1 pictures are lost"),
        (lambda out: out.rows["assets"][1].update(num_bytes=8), "it has 9 bytes"),
        (lambda out: out.rows["creatives"].append(dict(out.rows["creatives"][0])), "creatives are there twice"),
        (lambda out: out.rows["creatives"].pop(), "one of assets and creatives alone"),
        (lambda out: out.rows["quarantine"].pop(0), "0 in quarantine"),
        (lambda out: out.counts.update(creatives_planned=5), "the law of creatives is broken"),
    ],
)
def test_each_breach_is_seen(output: Output, spoil: Callable[[Output], object], breach: str) -> None:
    spoil(output)
    assert breach in " ".join(output.judge())


@pytest.mark.parametrize(
    ("path", "step"),
    [
        ("/bucket/night/segments/text/1.parquet", "write"),
        ("/bucket/night/segments/plan/1.parquet", "plan"),
        ("/bucket/night/segments/images/1.parquet", f"{IMAGES}write"),
        ("/bucket/night/segments/images_failed/1.parquet", f"{IMAGES}write"),
        ("/bucket/night/segments/images_plan/1.parquet", f"{IMAGES}plan"),
        ("/bucket/night/images/ab/1.png", "print"),
        ("/bucket/night/staging/1/creatives/part-00000.parquet", "publish"),
        ("/bucket/night/manifest.json", "manifest"),
        ("/bucket/night/run.json", None),
    ],
)
def test_a_write_is_a_step_by_its_folder(path: str, step: str | None) -> None:
    assert name_step("PUT", path) == step
    assert name_step("GET", path) is None


def test_a_plan_with_pictures_has_the_faults_of_its_seed_and_strikes_both_phases() -> None:
    plans = list(islice(iterate_plans(first=1), 4 * len(KINDS)))
    dressed = [add_pictures(plan) for plan in plans]
    assert dressed == [add_pictures(plan) for plan in plans]
    for plan, own in zip(plans, dressed, strict=True):
        kinds = [fault.kind for fault in own.faults]
        assert sorted(kinds) == sorted(fault.kind for fault in plan.faults)
        if set(kinds) & set(BETWEEN) and set(kinds) & set(ENDING):
            assert min(map(kinds.index, set(kinds) & set(BETWEEN))) > min(map(kinds.index, set(kinds) & set(ENDING)))
    steps = {fault.moment.step for plan in dressed for fault in plan.faults}
    assert {"before write", "before print", "after images-write", "before images-plan", "before publish"} <= steps
