"""Looks at an output from outside: how far it is, and its report rebuilt."""

from typing import Any

from factory.config.job import LoadedJob
from factory.errors import OutputError
from factory.journal.failures import read_failures
from factory.journal.phases import IMAGES_FAILED_PHASE, IMAGES_PHASE, TEXT_PHASE
from factory.journal.segments import read_finished
from factory.output.finalize import ReportSource, make_report
from factory.runs.lease import find_driver
from factory.runs.state import read_manifest, read_state
from factory.storage.store import Store
from schemas.run import Manifest, RunState


def find_status(uri: str) -> dict[str, Any]:
    """Return run, state and counts of the output at `uri`. Raises OutputError when there is no run.

    The counts are the manifest's; without one, those of all segment files, whatever the job asks for by now. `waiting`
    requests failed and will be tried again.
    """
    store = Store(uri)
    state = _need_state(store)
    manifest = read_manifest(store)
    found, failures = read_finished(store, TEXT_PHASE), read_failures(store)
    counts = dict(found.counts)
    if manifest:
        counts = manifest.counts
    else:
        counts["quarantined"] = counts.get("quarantined", 0) + len(failures.find_final())
    finished = sum(counts.get(name, 0) for name in ("accepted", "rejected", "quarantined"))
    pictures = _count_creatives(store, manifest) if state.job["job"].get("images") else {}
    return {
        "output": store.uri,
        "run": state.run_id,
        "job": state.job_name,
        "state": manifest.status if manifest else "unfinished: run the same command to go on",
        "started": state.started_at,
        "finished": manifest.finished_at if manifest else "",
        "driven_by": find_driver(store),
        "requests": finished,
        "accepted": counts.get("accepted", 0),
        "rejected": counts.get("rejected", 0),
        "quarantined": counts.get("quarantined", 0),
        "waiting": len(failures.find_pending(found)),
        "refused": counts.get("refused", 0),
        **pictures,
        "segments": found.num_files,
        "set_aside": [f"{name}: {why}" for name, why in found.damaged],
    }


def _count_creatives(store: Store, manifest: Manifest | None) -> dict[str, int]:
    found, failures = read_finished(store, IMAGES_PHASE), read_failures(store, IMAGES_FAILED_PHASE)
    counts = {f"creatives_{name}": found.counts.get(name, 0) for name in ("accepted", "rejected")}
    counts["creatives_quarantined"] = len(failures.find_final())
    if manifest:
        counts = {name: manifest.counts.get(name, 0) for name in counts}
    return counts | {"creatives_waiting": len(failures.find_pending(found))}


def remake_report(uri: str) -> dict[str, Any]:
    """Rebuild `report.json` and `report.html` from a finished output's tables; return where they are."""
    store = Store(uri)
    state = _need_state(store)
    manifest = read_manifest(store)
    if manifest is None:
        raise OutputError(f"{store.uri} is not finished", "run the same command to resume, or ask factory status")
    report, pages = make_report(
        ReportSource(store, store, LoadedJob.model_validate(state.job), state), manifest.counts
    )
    for path, data in pages.items():
        store.write_bytes(path, data)
    return {"report": store.locate("report.html"), "accepted": report["accepted"]}


def _need_state(store: Store) -> RunState:
    state = read_state(store)
    if state is None:
        raise OutputError(f"{store.uri} holds no run", "name the --output of a factory run")
    return state
