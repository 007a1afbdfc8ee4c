"""Makes a run's pictures, pass after pass: over all accepted texts first, then over the creatives that failed on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from factory.cluster.crash_actor import CrashActor
from factory.cluster.resources import ImageResources, plan_image_resources
from factory.config.job import RunSpec
from factory.images.setup import ImageSetup
from factory.journal.accepted_texts import TextFile, list_text_files
from factory.journal.failures import Failure, choose_level, iterate_outcomes, read_failures
from factory.journal.keys import find_keys, load_keys, make_keys
from factory.journal.phases import IMAGES_FAILED_PHASE, IMAGES_PHASE, IMAGES_PLAN_PHASE
from factory.journal.planned import keep_planned
from factory.journal.segments import Finished, read_finished
from factory.journal.split_records import read_records
from factory.pipeline import ray_data
from factory.pipeline.backdrop_stage import BackdropStage
from factory.pipeline.context import ImagesContext
from factory.runs.supervisor import Supervisor
from factory.storage.store import Store
from schemas.creative import CreativeOutcome


@dataclass(slots=True)
class ImagesPhase:
    """One command's work on pictures. `supervisor` takes its receipts and knows when to stop."""

    spec: RunSpec
    setup: ImageSetup
    store: Store
    supervisor: Supervisor
    stage: type[BackdropStage] = BackdropStage
    tried: dict[str, Failure] = field(default_factory=dict)

    def run(self) -> None:
        """Do every pass. Raises FactoryError of any kind."""
        self.supervisor.run(self._run_passes, "pictures")

    def _run_passes(self) -> None:
        resources = plan_image_resources(self.spec)
        files = list_text_files(self.store, read_records(self.store, self.spec.attempt))
        finished = read_finished(self.store, IMAGES_PHASE)
        self._expect(files, finished)
        if files:
            self._run_first_pass(files, finished, resources)
        while not self.supervisor.stop.reason:
            pending = self._find_pending(finished)
            if not pending:
                break
            level = choose_level(pending.values())
            chosen = {key: each for key, each in pending.items() if each.attempt == level}
            self.tried |= chosen
            self._run_pass(chosen, files, resources)

    def _expect(self, files: list[TextFile], finished: Finished) -> None:
        """Say what is to come. A text has as many creatives as its placement has slots: on average, until all are read."""
        placements = list(self.spec.loaded.placements)
        slots = sum(len(self.setup.slots.get(name, ())) for name in placements) / max(1, len(placements))
        texts = sum(file.num_texts for file in files) * self.spec.loaded.job.select.keep
        about = max(0, round(texts * slots) - len(finished))
        self.supervisor.progress.expect_creatives(about)

    def _find_pending(self, finished: Finished) -> dict[str, Failure]:
        """Return what failed and is to be tried again; what the job and its briefs no longer ask for is not."""
        pending = read_failures(self.store, IMAGES_FAILED_PHASE).find_pending(finished, self.tried)
        return keep_planned(pending, self.store, self.spec.attempt, IMAGES_PLAN_PHASE)

    def _run_first_pass(self, files: list[TextFile], finished: Finished, resources: ImageResources) -> None:
        failures = read_failures(self.store, IMAGES_FAILED_PHASE)
        not_new = finished.with_ids(failures.list_ids())
        context = self._make_context(ray_data.STRIKES, resources)
        self._follow(ray_data.read_new_copy(context, files, not_new), context, resources)

    def _run_pass(self, chosen: Mapping[str, Failure], files: list[TextFile], resources: ImageResources) -> None:
        self.supervisor.progress.say(f"trying {len(chosen):,} failed creatives again, each alone")
        tries = {key: (each.retries, each.attempt) for key, each in chosen.items()}
        own = keep_files(files, self._list_requests(chosen))
        context = self._make_context(1, resources)
        self._follow(ray_data.read_failed_copy(context, own, tries), context, resources)

    def _list_requests(self, chosen: Mapping[str, Failure]) -> set[str]:
        """Return the ids of the requests that the chosen creatives are of."""
        records = iterate_outcomes(self.store, chosen, IMAGES_FAILED_PHASE)
        return {CreativeOutcome.model_validate_json(row.payload).request.request_id for _, row in records}

    def _make_context(self, strikes: int, resources: ImageResources) -> ImagesContext:
        """Return the context of a pass, with a crash tracker of its own."""
        return ImagesContext(self.spec, self.store, CrashActor(strikes, resources.backdrop_replicas), self.setup)

    def _follow(self, rows: ray_data.Rows, context: ImagesContext, resources: ImageResources) -> None:
        self.supervisor.follow(
            lambda: ray_data.stream_creatives(rows, context, resources, self.stage),
            self.spec.loaded.job.execution.images,
            resources.total_gpus,
            context.tracker,
        )


def keep_files(files: list[TextFile], request_ids: set[str]) -> list[TextFile]:
    """Return the files that hold one of the requests, each with those alone."""
    wanted = np.sort(make_keys(pa.array(sorted(request_ids), type=pa.string())))
    kept = []
    for file in files:
        keys = load_keys(file.keys)
        own = find_keys(keys, wanted)
        if own.any():
            pictures = tuple(uri for uri, is_own in zip(file.pictures, own, strict=True) if is_own)
            kept.append(TextFile(file.path, keys[own].tobytes(), pictures))
    return kept
