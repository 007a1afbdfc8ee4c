"""What must hold after a plan, whatever happened. Each function returns breaches in words; none means that all is well."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from factory.storage.store import Store
from tests.chaos.homes import Place
from tests.chaos.lab import PHASES, Truth, is_poisoned, read_truth
from tests.chaos.pictures import is_poisoned_picture, judge_pictures
from tests.chaos.plans import POISON, SIGNALS, WEATHER, Fault, Plan
from tests.chaos.runner import Ended
from tests.support.jobs import check_law, read_manifest, read_rows

# All that may lie in an output when the run is done: no temporary file, nothing staged, one lease at most.
_FILES = re.compile(
    r"lease/\d+(-beat)?\.json|run\.json|manifest\.json|report\.json|report\.html|attempts/[\w-]+\.json|calibration/[\w.-]+"
    r"|segments/(text|plan|failed|images|images_plan|images_failed)/[\w-]+\.parquet|images/[0-9a-f]{2}/[0-9a-f]{64}\.\w+"
    r"|assets/placement=\w+/part-\d+\.parquet|(candidates|creatives|quarantine)/part-\d+\.parquet"
)
AWAKE_SECONDS = 2.0  # in which a command has loaded what takes signals
_SOFT = (
    "kill_raylet",
    "kill_finish",
    "kill_text",
    "kill_s3",
    "outage",
    "remove_node",
    "disk_full",
    "forbid",
    *WEATHER,
)
# Exit codes of a command that the fault struck. 0 always may be: its work may have been done already.
_MAY_END: dict[str, set[int]] = {kind: {1} for kind in _SOFT}
_MAY_END |= {kind: {3} for kind in SIGNALS}
_MAY_END["kill_driver"] = {-9}
_MAY_END["sigterm_twice"] = {3, -15}
_POISONED = {
    "pictures": is_poisoned_picture
}  # which rows a plan with poison spoils, by shape; of other shapes a whole brief's
_ADVICE = re.compile(r"^error: .+\n  fix: ", re.MULTILINE)
_CAUSE = {"forbid": "denied", "disk_full": "disk is full"}
_GO_ON = "Go on with: factory run"


@dataclass(frozen=True, slots=True)
class Trial:
    """One command: how it ended, what struck it, and the processes that it left behind."""

    ended: Ended
    struck: tuple[Fault, ...]
    orphans: tuple[str, ...] = ()


def judge_command(trial: Trial, damaged: Sequence[str]) -> list[str]:
    """A command ends in time, with a code and words that fit what befell it, and leaves no process.

    One that finds a `damaged` segment file may end with 3: it names the file, and the next one redoes what it held.
    """
    ended, kinds = trial.ended, [fault.kind for fault in trial.struck]
    told = f"after {', '.join(map(str, trial.struck)) or 'nothing'}"
    breaches = [f"left process {each} {told}" for each in trial.orphans]
    if ended.code is None:
        return [f"hung {told}", *breaches]
    words = ended.out + ended.err
    allowed = {0}.union(*(_MAY_END.get(kind, set()) for kind in kinds))
    if any(path in words for path in damaged):
        allowed.add(3)
    if set(kinds) & set(SIGNALS) and ended.seconds < AWAKE_SECONDS and not ended.err:
        allowed |= {-15, -2}  # it was not awake yet, and had begun nothing
    if ended.code not in allowed:
        breaches.append(f"ended with {ended.code} {told}: {_last_line(ended.err)}")
    missing = "traceback-free words" if "Traceback" in words else ""
    # With its node's raylet gone Ray ends the driver from C++, where no Python can say anything.
    if ended.code == 1 and "kill_raylet" not in kinds:
        missing = missing or ("" if _ADVICE.search(words) else "what to do")
    if ended.code == 1 and kinds in (["forbid"], ["disk_full"]) and _CAUSE[kinds[0]] not in words:
        missing = missing or _CAUSE[kinds[0]]
    if ended.code == 3 and set(kinds) & {"sigterm", "sigint", "ctrl_c"} and _GO_ON not in words:
        missing = missing or _GO_ON
    return breaches + ([f"does not say {missing!r} {told}: {_last_line(ended.err)}"] if missing else [])


def judge_naming(trials: Sequence[Trial], damaged: Sequence[str]) -> list[str]:
    """Each damaged segment file was named to the user by one of the commands."""
    words = "\n".join(trial.ended.out + trial.ended.err for trial in trials)
    return [f"nobody was told that {path} is damaged" for path in damaged if path not in words]


def judge_second(second: Ended, first_was_running: bool) -> list[str]:
    """A second driver is refused with the holder's name while the first one works."""
    if second.code is None:
        return ["the second driver hung"]
    if second.code == 0 and not first_was_running:
        return []
    if second.code in (1, 2, 3) and "is being worked on by" in second.err:
        return []
    return [f"the second driver was not refused: code {second.code}: {_last_line(second.err)}"]


def judge_output(plan: Plan, place: Place, truth: Truth) -> list[str]:
    """The finished output is what the undisturbed run gives, and nothing else lies there."""
    found = read_truth(place.output)
    manifest = read_manifest(place.output)
    breaches = [] if manifest["status"] == "done" else [f"the manifest says {manifest['status']}"]
    try:
        check_law(found.counts)
    except AssertionError as error:
        breaches.append(f"the conservation law is broken: {error}")
    breaches += _compare_ids(found.ids, truth.ids)
    if found.rows.keys() != truth.rows.keys():
        return [*breaches, f"the tables are {sorted(found.rows)}, of the undisturbed run {sorted(truth.rows)}"]
    spared = truth
    if plan.has(*POISON):
        spared = _leave_poison(truth, plan.shape)
        breaches += _judge_poison(found, plan.shape)
    if "creatives" in truth.rows:
        breaches += judge_pictures(place.output, found.rows, found.counts, spared.pictures)
    if plan.has(*POISON):
        found, truth = _leave_poison(found, plan.shape), spared
    else:
        breaches += _compare_counts(found.counts, truth.counts)
    for table in truth.rows:
        breaches += _compare_rows(table, found.rows[table], truth.rows[table])
    doubled = [each for each, times in Counter(row["asset_id"] for row in found.rows["assets"]).items() if times > 1]
    breaches += [f"assets are there twice: {doubled[:3]}"] if doubled else []
    for table in truth.rows:
        written = sum(rows for path, rows in manifest["files"].items() if path.startswith(f"{table}/"))
        if written != len(read_rows(place.output, table)):
            breaches.append(f"the manifest counts {written} rows of {table}")
    return breaches + _find_litter(place)


def count_doubled(output: str) -> int:
    """Rows that were made more than once: the work that faults cost. Readers keep one of each."""
    seen: Counter[str | None] = Counter()
    store = Store(output)
    for info in [each for phase in PHASES for each in store.list(f"segments/{phase}", ".parquet")]:
        with store.open_input(info.path) as file:
            try:
                seen.update(pq.read_table(file, columns=["request_id"])["request_id"].to_pylist())
            except (OSError, ValueError):  # damaged by the plan
                continue
    return sum(seen.values()) - len(seen)


def _compare_ids(found: frozenset[str], wanted: frozenset[str]) -> list[str]:
    lost, strange = wanted - found, found - wanted
    breaches = [f"{len(lost)} requests are lost: {sorted(lost)[:3]}"] if lost else []
    return breaches + ([f"{len(strange)} requests are strange: {sorted(strange)[:3]}"] if strange else [])


def _compare_counts(found: Mapping[str, int], wanted: Mapping[str, int]) -> list[str]:
    # What was skipped depends on how often the run was interrupted.
    wrong = {name: (found.get(name), number) for name, number in wanted.items() if found.get(name) != number}
    wrong = {name: pair for name, pair in wrong.items() if not name.endswith("skipped")}
    return [f"the manifest counts {name} {has}, the undisturbed run {number}" for name, (has, number) in wrong.items()]


def _compare_rows(table: str, found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[str]:
    if found == wanted:
        return []
    if len(found) != len(wanted):
        return [f"{table} has {len(found)} rows, the undisturbed run {len(wanted)}"]
    ours, theirs = next(pair for pair in zip(found, wanted, strict=True) if pair[0] != pair[1])
    names = [name for name in theirs if ours.get(name) != theirs[name]]
    return [f"{table} differ in {names}: {[(ours.get(name), theirs[name]) for name in names][:2]}"[:500]]


def _judge_poison(found: Truth, shape: str) -> list[str]:
    is_own = _POISONED.get(shape, is_poisoned)
    refused = [row for row in found.rows["quarantine"] if is_own(row)]
    made = [row for table, rows in found.rows.items() if table != "quarantine" for row in rows if is_own(row)]
    breaches = [] if len(refused) == 2 else [f"{len(refused)} of the 2 poisoned requests are in quarantine"]
    breaches += [f"the poisoned brief has {len(made)} rows of what was made"] if made else []
    return breaches + [
        f"no reason for {row['request_id']}" for row in refused if not (row["reason"] and row["detail"])
    ]


def _leave_poison(truth: Truth, shape: str) -> Truth:
    is_own = _POISONED.get(shape, is_poisoned)
    rows = {table: [row for row in rows if not is_own(row)] for table, rows in truth.rows.items()}
    own = {row.get("image_uri") for row in truth.rows["assets"] if is_own(row)}
    return replace(truth, rows=rows, pictures=truth.pictures - own)


def _find_litter(place: Place) -> list[str]:
    """Files that are no part of an output, and uploads that were begun and never completed or aborted."""
    if place.folder is not None:
        names: Iterable[str] = [
            each.relative_to(place.folder).as_posix() for each in Path(place.folder).rglob("*") if not each.is_dir()
        ]
        uploads: Sequence[Any] = []
    else:
        pages = place.client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket)
        names = [entry["Key"].removeprefix("night/") for page in pages for entry in page.get("Contents", [])]
        uploads = place.client.list_multipart_uploads(Bucket=place.bucket).get("Uploads", [])
    aside = {name for path in place.damaged for name in (path, f"{path}.aside")}
    litter = [name for name in names if not _FILES.fullmatch(name) and name not in aside]
    if sum(name.startswith("lease/") for name in names) > 2:
        litter.append("lease/ of earlier drivers")
    breaches = [f"litter in the output: {sorted(litter)[:5]}"] if litter else []
    return breaches + ([f"{len(uploads)} uploads were left open"] if uploads else [])


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-2:])[:400] if lines else "(nothing on stderr)"
