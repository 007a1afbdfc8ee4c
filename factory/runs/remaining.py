"""What is left to do of a run, from what its output holds: nothing, or how many requests."""

from dataclasses import dataclass

from factory.config.job import RunSpec
from factory.journal.accepted_texts import digest_request_pictures
from factory.journal.failures import Failures, read_failures
from factory.journal.phases import IMAGES_FAILED_PHASE, IMAGES_PHASE, TEXT_PHASE
from factory.journal.segments import Finished, list_segments, read_finished
from factory.journal.split_records import Progress, find_progress
from factory.runs.planning import Prepared
from factory.runs.preview import Preview
from factory.runs.state import read_manifest
from factory.storage.store import Store
from schemas.run import Manifest


@dataclass(frozen=True, slots=True)
class RemainingWork:
    """What an output holds of a run, and so what is left to do."""

    finished: Finished  # requests that finished
    failures: Failures
    not_new: Finished  # `finished` and all that failed before, which has passes of its own
    split: Progress  # of the input: what needs no reading, and what does


def find_remaining(store: Store, spec: RunSpec, prepared: Prepared) -> RemainingWork:
    """Return what is left to do of the run in `store`. Raises StorageError."""
    finished, failures = read_finished(store, TEXT_PHASE), read_failures(store)
    not_new = finished.with_ids(failures.list_ids())
    split = find_progress(prepared.source.splits, spec, store, prepared.duplicates, not_new)
    return RemainingWork(finished, failures, not_new, split)


def find_done_now(store: Store, prepared: Prepared) -> Manifest | None:
    """Return the manifest when the output holds all of this job over its input."""
    manifest = read_manifest(store)
    if manifest is None or manifest.status != "done" or not has_same_pictures(manifest, prepared):
        return None
    if prepared.setup is not None and not has_creatives(manifest, store):
        return None
    not_new = read_finished(store, TEXT_PHASE).with_ids(read_failures(store).list_ids())
    if prepared.preview.is_whole:
        return find_done(store, prepared.spec, prepared.preview, not_new)
    return manifest if is_done_by_records(manifest, store, prepared, not_new) else None


def has_same_pictures(manifest: Manifest, prepared: Prepared) -> bool:
    """Return whether the manifest is of these brands, layouts and product pictures, as far as the preview knows these.

    What it does not know is in the records of the splits: `is_done_by_records` compares those.
    """
    if prepared.setup is None or not manifest.images_digest:
        return prepared.setup is None and not manifest.images_digest
    if not prepared.preview.is_whole:
        return manifest.images_digest == prepared.setup.digest
    pictures = digest_request_pictures(prepared.preview.request_ids, prepared.preview.pictures)
    return manifest.pictures_digest == pictures and manifest.images_digest == prepared.setup.digest


def has_creatives(manifest: Manifest, store: Store) -> bool:
    """Return whether the creatives of the manifest are still on storage: no file of theirs is damaged, and none is missing."""
    finished = read_finished(store, IMAGES_PHASE)
    if finished.num_files < len(list_segments(store, IMAGES_PHASE)):
        return False
    ended = finished.with_ids(list(read_failures(store, IMAGES_FAILED_PHASE).find_final()))
    # There are more where an earlier version of the job asked for others.
    return len(ended) >= manifest.counts["creatives_planned"]


def is_done_by_records(manifest: Manifest, store: Store, prepared: Prepared, finished: Finished) -> bool:
    """Return whether the manifest is of exactly this job and input, told from the records of the splits without reading."""
    spec, source = prepared.spec, prepared.source
    counts = find_progress(source.splits, spec, store, prepared.duplicates, finished).counts
    planned = sum(count.planned for count in counts)
    rows = sum(count.rows for count in counts) + len(source.refusals)
    same = len(counts) == len(source.splits) and manifest.job_digest == spec.identity.job
    return same and (planned, rows) == (manifest.counts["planned"], manifest.counts["rows_read"])


def find_done(store: Store, spec: RunSpec, preview: Preview, finished: Finished) -> Manifest | None:
    """Return the manifest when it says that exactly this job over exactly these briefs is finished."""
    manifest = read_manifest(store)
    if manifest is None or manifest.status != "done" or manifest.job_digest != spec.identity.job:
        return None
    if not preview.is_whole or preview.count_new(finished):
        return None
    same = manifest.counts["planned"] == preview.num_requests and manifest.counts["rows_read"] == preview.num_rows
    return manifest if same else None


def count_new(preview: Preview, finished: Finished, split: Progress) -> tuple[int, bool]:
    """Return how many requests are not finished, and whether that is exact or an estimate from the rows that were read.

    What earlier commands wrote down of the input is exact; the share of new ones in the preview stands for the rest.
    """
    new = preview.count_new(finished)
    if preview.is_whole or not preview.num_rows:
        return new, preview.is_whole
    return split.num_new + round(new * split.unknown_rows / preview.num_rows), not split.unknown_rows
