"""The job that makes pictures, and what must hold of the pictures after a plan, whatever happened."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from factory.storage.store import Store
from tests.support.image_jobs import make_picture_job, make_picture_rows

BRIEFS = 12
MISSING = 7  # the row whose product picture is not there
POISONED = 3  # the row whose product picture is poison, in plans with poison
SLOTS = ("medium_rectangle", "leaderboard")  # small ones, so that an undisturbed run takes seconds
UNIT_ROWS = 4
ENDS = ("accepted", "rejected", "quarantined", "remaining")


def make_job_with_pictures(folder: Path) -> Path:
    """Write the job: a dozen briefs, two creatives each. Those of one brief end in quarantine, for its picture is missing."""
    rows = make_picture_rows(BRIEFS)
    execution: dict[str, Any] = {"max_quarantine_rate": 0.5, "unit_rows": UNIT_ROWS}
    images = {"slots": list(SLOTS)}
    job = make_picture_job(folder, rows, images, placements=["iab_display"], execution=execution)
    (job / rows[MISSING]["image_uri"]).unlink()
    return job


def find_poison(job: Path) -> Path:
    """Return the product picture that is poison."""
    return (job / str(make_picture_rows(BRIEFS)[POISONED]["image_uri"])).resolve()


def is_poisoned_picture(row: Mapping[str, Any]) -> bool:
    """Whether a row of a table is of a creative of the poisonous picture."""
    return row.get("brief_id") == f"b-{POISONED}" and ("creative_id" in row or row.get("kind") == "image")


def list_pictures(store: Store) -> frozenset[str]:
    """Return the paths of all files below images/ of an output; each is named by its content."""
    return frozenset(info.path for info in store.list("images"))


def judge_pictures(
    output: str, rows: Mapping[str, list[dict[str, Any]]], counts: Mapping[str, int], wanted: frozenset[str]
) -> list[str]:
    """Return breaches in words: of the pictures on storage, of the `rows` of tables that name them, and of the `counts`.

    `wanted` are the picture files of the undisturbed run.
    """
    store = Store(output)
    breaches = _judge_counts(rows, counts)
    found = list_pictures(store)
    if found != wanted:
        breaches.append(f"{len(wanted - found)} pictures are lost, {len(found - wanted)} are strange")
    tries = Counter((row["creative_id"], row["variant"]) for row in rows["creatives"])
    doubled = [each for each, times in tries.items() if times > 1]
    breaches += [f"creatives are there twice: {doubled[:3]}"] if doubled else []
    assets = {row["image_uri"]: row for row in rows["assets"] if row["kind"] == "image"}
    for path, row in assets.items():
        if (wrong := _judge_file(store, path, row)) is not None:
            breaches.append(f"{path} of {row['asset_id']}: {wrong}")
    shown = {row["image_uri"] for row in rows["creatives"] if row["image_uri"]}
    if shown != set(assets):
        breaches.append(f"{len(shown ^ set(assets))} pictures are in one of assets and creatives alone")
    return breaches


def _judge_counts(rows: Mapping[str, list[dict[str, Any]]], counts: Mapping[str, int]) -> list[str]:
    """The law for creatives, and its numbers against the tables."""
    ends = {name: counts.get(f"creatives_{name}", 0) for name in ENDS}
    planned = counts.get("creatives_planned", 0)
    breaches = [] if planned == sum(ends.values()) else [f"the law of creatives is broken: {planned} planned, {ends}"]
    refused = {row["creative_id"] for row in rows["quarantine"] if row["stage"] == "images"}
    made = {row["creative_id"] for row in rows["creatives"]}
    if len(refused) != ends["quarantined"] or len(made) != ends["accepted"] + ends["rejected"] or refused & made:
        breaches.append(f"{len(made)} creatives and {len(refused)} in quarantine, where the manifest counts {ends}")
    return breaches


def _judge_file(store: Store, path: str, row: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the file of an image asset, None when nothing is."""
    if not store.exists(path):
        return "there is no such file"
    data = store.read_bytes(path)
    names = {hashlib.sha256(data).hexdigest(), row["sha256"], PurePosixPath(path).stem}
    if len(names) > 1:
        return f"its bytes are not what its name says: {sorted(names)}"
    return None if len(data) == row["num_bytes"] else f"it has {len(data)} bytes, the asset says {row['num_bytes']}"
