"""What a wrong job gets, before any engine starts: a message that says what, where and what to do; exit code 2."""

import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.cli import main
from factory.errors import FactoryError, InputError, JobError, OutputError, StorageError
from factory.runs import driver
from tests.support.commands import call_here
from tests.support.jobs import TEMPLATE, check_message, make_job, make_product_rows, plan_job
from tests.support.parquet import make_rows, write_briefs
from tests.support.s3_server import S3Server


def refuse(folder: Path, *overrides: str, kind: type[FactoryError] = JobError, **options: Any) -> str:
    """What the job is refused with; the hint must say something."""
    with pytest.raises(kind) as caught:
        plan_job(folder, *overrides, **options)
    assert len(caught.value.hint) > 10
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("candidates: 2", "candidates: 2\n  candidats: 3", ("job.yaml line 13", "candidats", "candidates")),
        ("name: test-job", "naem: test-job", ("job.yaml line 1", "naem", "name")),
        ("candidates: 2", "candidates: two", ("job.yaml line 12", "candidates", "two")),
        ("candidates: 2", "candidates: -1", ("job.yaml line 12", "candidates", "-1")),
        ("- en-US", "- english", ("job.yaml line 8", "locales", "english", "BCP 47")),
        ("- en-US", "- xx-XX", ("locales", "xx-XX", "CLDR")),
        ("- meta_feed", "- meta_fed", ("unknown placement 'meta_fed'", "did you mean meta_feed")),
        ("template: ad.j2", "template: add.j2", ("add.j2 does not exist", "ad.j2")),
        ("template: ad.j2", "template: ../../ad.j2", ("../../ad.j2 lies outside the job folder",)),
        ("name: test-job", "name: [unclosed", ("job.yaml line",)),
        ("briefs: briefs.parquet", "briefs: nowhere.parquet", ("nowhere.parquet does not exist", "briefs.parquet")),
        ("name: test-job", "name: test-job\ncolumns: {titel: x}", ("columns: 'titel' is not a field", "attributes")),
        ("name: test-job", "name: test-job\ncolumns: {brand: '{{ x.__class__ }}'}", ("columns", "brand")),
    ],
)
def test_a_mistake_in_the_job_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    job = make_job(tmp_path / "job")
    text = (job / "job.yaml").read_text(encoding="utf-8")
    assert old in text
    (job / "job.yaml").write_text(text.replace(old, new), encoding="utf-8")
    message = refuse(job)
    for word in words:
        assert word in message, message


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("text.candidats=2", ("text.candidats", "candidates")),
        ("text.candidates", ("text.candidates", "=")),
        ("text.candidates=0", ("candidates", "greater than or equal to 1")),
        ("columns.price=list_price", ("list_price", "its columns are brief_id", "price: price")),
    ],
)
def test_a_wrong_override_is_named(tmp_path: Path, override: str, words: tuple[str, ...]) -> None:
    message = refuse(make_job(tmp_path / "job"), override)
    for word in words:
        assert word in message, message


def test_an_override_counts(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    assert plan_job(job, "text.candidates=7").preview.first_prompt.n == 7  # type: ignore[union-attr]
    assert plan_job(job, "placements=[email]").preview.by_placement_locale == {("email", "en-US"): 2}


USER = "{% block user %}\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{% endif %}", "{% endfi %}", ("ad.j2 line 10", "endfi")),
        ("{{ brief.product_name }}", "{{ brief.product_nam }}", ("ad.j2 line 6", "product_nam", "product_name")),
        ("{{ brief.product_name }}", "{{ product }}", ("ad.j2 line 6", "'product' is undefined", "brief")),
        (USER, USER + "{% if brief.tone %}\n{{ hidden }}\n{% endif %}\n", ("ad.j2 line 6", "hidden")),
        (USER, USER + "{% if brief.tone %}{{ brief.offer.percent }}{% endif %}", ("ad.j2 line 5", "percent", "code")),
        (USER, USER + "{{ ''.__class__.__mro__ }}", ("ad.j2 line 5",)),
        (USER, USER + "{{ brief.product_name.__class__ }}", ("ad.j2 line 5",)),
        (USER, USER + "{{ brief | attr('__class__') }}", ("ad.j2 line 5", "attr")),
        (USER, USER + "{% for i in range(1000000000) %}x{% endfor %}", ("ad.j2 line 5",)),
        (
            USER,
            USER + "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
            ("ad.j2 line 5",),
        ),
        (USER, USER + "{{ 'x' * 1000000000 }}", ("ad.j2 line 5",)),
        (USER, USER + "{{ 9 ** 9 ** 9 ** 9 }}", ("ad.j2 line 5",)),
        (USER, USER + "{% include '/etc/passwd' %}", ("ad.j2 line 5", "not allowed")),
        ("{% block system %}", "{% block sytem %}", ("ad.j2", "no block system")),
        ("", "{% block repair %}{{ problem }}{% endblock %}", ("ad.j2", "'problem' is undefined", "problems")),
    ],
)
def test_a_template_that_cannot_work_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    template = TEMPLATE.replace(old, new, 1) if old else TEMPLATE + new
    message = refuse(make_job(tmp_path / "job", template=template))
    for word in words:
        assert word in message, message


def test_a_template_may_guard_what_a_brief_may_lack(tmp_path: Path) -> None:
    guarded = TEMPLATE.replace(USER, USER + "Colour: {{ brief.attributes.colour | default('any') }}\n")
    prompt = plan_job(make_job(tmp_path / "job", template=guarded)).preview.first_prompt
    assert prompt is not None and "Colour: any" in prompt.messages[-1]["content"]


@pytest.mark.parametrize("name", ["smollm9-999b", "no/such/folder", "scriptd"])
def test_an_unknown_model_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    message = refuse(make_job(tmp_path / "job"), f"text.model={name}")
    assert f"{name!r}" in message and "smollm2-135m-instruct" in message


@pytest.mark.integration
def test_a_full_disk_for_the_model_cache_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(tmp_path / "job")
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**12, 10**12 - 5, 5))
    prepared = plan_job(job, "text.model=smollm2-135m-instruct", "execution.text.max_model_len=8192")
    with pytest.raises(JobError) as caught:
        driver.check_engine(prepared.spec, prepared.preview)
    for word in ("smollm2-135m-instruct", str(tmp_path / "cache"), "5 are free", "FACTORY_CACHE"):
        assert word in str(caught.value)


@pytest.mark.integration
def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "file" / "cache"))
    prepared = plan_job(make_job(tmp_path / "job"), "text.model=smollm2-135m-instruct", "placements=[meta_feed]")
    with pytest.raises(JobError, match="FACTORY_CACHE"):
        driver.check_engine(prepared.spec, prepared.preview)


def test_briefs_that_are_not_there(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "briefs.csv").write_text("a,b")
    (tmp_path / "bad.parquet").write_bytes(b"not parquet at all")
    assert "empty is an empty folder" in refuse(job, briefs=str(tmp_path / "empty"), kind=InputError)
    assert "briefs.csv" in refuse(job, briefs=str(tmp_path / "texts"), kind=InputError)
    assert "bad.parquet cannot be read as Parquet" in refuse(
        job, briefs=str(tmp_path / "bad.parquet"), kind=InputError
    )
    assert "matches no Parquet file" in refuse(job, briefs=str(tmp_path / "*.pq"), kind=InputError)


def test_a_file_without_rows_is_said(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    empty = pa.schema([("brief_id", pa.string()), ("product_name", pa.string())]).empty_table()
    pq.write_table(empty, job / "briefs.parquet")
    assert "briefs.parquet holds no rows" in refuse(job, kind=InputError)


def test_a_missing_column_lists_those_there_are_and_how_to_map(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    rows = [{"sku": "1", "title": "Boots", "list_price": 12.0}]
    write_briefs(job / "briefs.parquet", rows)
    message = refuse(job)
    for word in ("briefs.parquet", "sku, title, list_price", "brief_id", "product_name", "columns"):
        assert word in message, message
    spec = plan_job(job, "columns.brief_id=sku", "columns.product_name=title")
    assert spec.preview.num_briefs == 1


def test_output_with_strangers_files_is_left_alone(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"mine")
    ended = call_here("run", job, "--output", tmp_path / "photos")
    check_message(ended, 2, "photos", "holiday.jpg", "--output")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["holiday.jpg"]


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    (tmp_path / "file").write_text("mine")
    ended = call_here("run", job, "--output", tmp_path / "file")
    check_message(ended, ended.code, str(tmp_path / "file"))
    assert ended.code in (1, 2) and (tmp_path / "file").read_text() == "mine"


@pytest.mark.integration
def test_an_endpoint_that_nobody_serves_is_named(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ended = call_here("plan", job, "--briefs", "s3://in/briefs/", AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
    check_message(ended, 1, "s3://in/briefs", "cannot be reached", "AWS_ENDPOINT_URL", str(port))


@pytest.mark.s3
def test_wrong_keys_are_said_and_never_shown(tmp_path: Path, s3: S3Server, bucket: str) -> None:
    job = make_job(tmp_path / "job")
    keys = {"AWS_ACCESS_KEY_ID": "who-is-this", "AWS_SECRET_ACCESS_KEY": "not-the-right-secret"}
    read = call_here("plan", job, "--briefs", f"{bucket}/briefs/", **keys)
    check_message(read, 2, bucket, "denied", "AWS_SECRET_ACCESS_KEY", s3.endpoint)
    write = call_here("run", job, "--output", f"{bucket}/out", **keys)
    check_message(write, 1, bucket, "denied", "AWS_SECRET_ACCESS_KEY")
    assert "not-the-right-secret" not in read.err + read.out + write.err + write.out
    missing = call_here("plan", job, "--briefs", "s3://no-such-bucket-here/briefs/")
    check_message(missing, 2, "no-such-bucket-here")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "JOB"),
        (["--lim", "5"], "--limit"),
        (["JOB", "--limit", "0"], "--limit"),
    ],
)
def test_wrong_arguments_end_with_2_and_the_usage(
    arguments: list[str], word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["factory", "run", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert word in capsys.readouterr().err


def test_the_exit_code_of_a_verb_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for error, code in ((StorageError("x", "y"), 1), (OutputError("x", "y"), 2), (InputError("x", "y"), 2)):

        def fail(*_: Any, _error: FactoryError = error) -> None:
            raise _error

        monkeypatch.setattr("sys.argv", ["factory", "run", "x"])
        monkeypatch.setattr(driver, "run_job", fail)
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert ended.value.code == code


def test_plan_shows_the_first_prompt_its_schema_and_the_counts(tmp_path: Path) -> None:
    rows = make_product_rows(2) + make_rows(1, brief_id="bad", price=-3.0)
    ended = call_here("plan", make_job(tmp_path / "job", rows), "--json", COLUMNS="60")
    assert ended.code == 0, ended.err
    data = ended.data
    assert (data["rows"], data["refused"], data["requests"], data["exact"]) == (3, 1, 4, True)
    assert data["by_placement_locale"] == [["google_rsa", "en-US", 2], ["meta_feed", "en-US", 2]]
    assert data["refusals"][0]["reason"] == "invalid_price"
    prompt = data["first_prompt"]
    assert prompt["json_schema"]["properties"]["headline"]["minItems"] == 5
    for line in prompt["messages"][-1]["content"].splitlines():
        assert line in ended.out  # the terminal's width does not break it
    assert "invalid_price" in ended.out and os.linesep in ended.out


def test_limit_plans_the_first_rows_only(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", make_product_rows(5))
    assert plan_job(job, limit=2).preview.num_requests == 4
    assert plan_job(job, limit=99).preview.num_requests == 10
