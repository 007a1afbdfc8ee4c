"""A job is loaded with all that it names, and an output belongs to one job from its first moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory.config.job import LoadedJob, load_job, make_identity
from factory.errors import JobError, OutputError
from factory.runs.state import open_run, read_manifest, read_state
from factory.storage.store import FileInfo, Store
from schemas.run import RunState
from tests.support.jobs import TEMPLATE, make_job


def now() -> datetime:
    return datetime(2026, 11, 23, 5, 40, tzinfo=UTC)


def open_job(store: Store, folder: Path, *overrides: str) -> RunState:
    loaded = load_job(str(folder), overrides)
    return open_run(store, loaded, make_identity(loaded, "m").job, "m", now)


def test_a_job_is_read_with_everything_it_names(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", judge={"rubric": "rubric.yaml"})
    (job / "rubric.yaml").write_text("weights: {relevance: 1}\n")
    loaded = load_job(str(job))
    assert loaded == load_job(str(job / "job.yaml"))
    assert loaded.briefs_uri == str(job / "briefs.parquet") and loaded.output_uri == str(job / "out")
    assert loaded.template_source == TEMPLATE and loaded.rubric is not None
    assert list(loaded.placements) == ["google_rsa", "meta_feed"]
    assert LoadedJob.model_validate_json(loaded.model_dump_json()) == loaded


def test_what_the_command_line_names_is_relative_to_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(tmp_path / "job")
    monkeypatch.chdir(tmp_path)
    loaded = load_job("job", [], "in/*.parquet", "there/../out")
    assert loaded.briefs_uri == str(tmp_path / "in/*.parquet") and loaded.output_uri == str(tmp_path / "out")
    far = load_job(str(job), [], "s3://in/briefs/", "s3://out/night1")
    assert (far.briefs_uri, far.output_uri) == ("s3://in/briefs/", "s3://out/night1")


def test_a_placement_of_the_jobs_own_is_found(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", placements=["shelf_card"])
    (job / "placements").mkdir()
    (job / "placements/shelf_card.yaml").write_text(
        "id: shelf_card\nchannel: shop\ntitle: Shelf card\nconfidence: high\nsources: [https://a.example]\n"
        'verified: "2026-11-23"\nfields: [{name: line, max: 40}]\n'
    )
    assert list(load_job(str(job)).placements) == ["shelf_card"]


@pytest.mark.parametrize(
    ("path", "message"), [("nowhere", "there is no job at"), ("", "has no job.yaml"), ("job/ad.j2", "ad.j2")]
)
def test_what_is_no_job_is_said(tmp_path: Path, path: str, message: str) -> None:
    make_job(tmp_path / "job")
    with pytest.raises(JobError, match=message):
        load_job(str(tmp_path / path))


def test_the_first_run_marks_the_output_and_the_next_finds_itself(tmp_path: Path) -> None:
    job, store = make_job(tmp_path / "job"), Store(str(tmp_path / "out"))
    assert read_state(store) is None and read_manifest(store) is None
    first = open_job(store, job)
    assert first == read_state(store) == open_job(store, job)
    assert first.run_id.startswith("20261123T054000Z-") and first.job_name == "test-job"
    assert first.versions["pyarrow"] and first.job["template_source"] == TEMPLATE


def test_an_edited_job_keeps_its_run_and_notes_what_it_is_now(tmp_path: Path) -> None:
    job, store = make_job(tmp_path / "job"), Store(str(tmp_path / "out"))
    first = open_job(store, job)
    edited = open_job(store, job, "text.candidates=9")
    assert edited.run_id == first.run_id and edited.started_at == first.started_at
    assert edited.job_digest != first.job_digest and read_state(store) == edited
    assert edited.job["job"]["text"]["candidates"] == 9


def test_new_weights_under_an_old_name_are_noted(tmp_path: Path) -> None:
    store, loaded = Store(str(tmp_path / "out")), load_job(str(make_job(tmp_path / "job")))
    open_run(store, loaded, make_identity(loaded, "old").job, "old", now)
    state = open_run(store, loaded, make_identity(loaded, "new").job, "new", now)
    assert state.model_digest == "new" and read_state(store) == state


def test_another_jobs_output_and_strangers_files_are_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    open_job(store, make_job(tmp_path / "job"))
    with pytest.raises(OutputError, match="'test-job', not of 'other'"):
        open_job(store, make_job(tmp_path / "other", name="other"))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"a\.jpg"):
        open_job(Store(str(tmp_path / "photos")), tmp_path / "job")
    assert read_state(Store(str(tmp_path / "photos"))) is None


def test_hidden_files_of_the_system_do_not_make_a_folder_foreign(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.DS_Store").write_bytes(b"x")
    assert open_job(Store(str(tmp_path / "out")), make_job(tmp_path / "job")).run_id


class RacedStore(Store):
    """A store in which another command starts the same run between two looks of ours."""

    def __init__(self, uri: str, job: Path) -> None:
        super().__init__(uri)
        self.job = job

    def list(self, folder: str = "", suffix: str = "") -> "list[FileInfo]":
        """Start the other run, then list."""
        open_job(Store(self.uri), self.job)
        return super().list(folder, suffix)


def test_a_run_that_another_command_just_started_is_joined(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    state = open_job(RacedStore(str(tmp_path / "out"), job), job)
    assert state == read_state(Store(str(tmp_path / "out")))


def test_of_many_starts_at_once_there_is_one_run(tmp_path: Path) -> None:
    job, store = make_job(tmp_path / "job"), Store(str(tmp_path / "out"))
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: open_job(store, job), range(8)))
    assert len({state.run_id for state in states}) == 1
