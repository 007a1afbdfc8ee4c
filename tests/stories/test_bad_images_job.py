"""What a job with pictures gets for a mistake, before anything starts: what, where and what to do; and what a plan shows."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.cli.show import describe_plan, show_plan
from factory.errors import JobError
from factory.images.checks import nsfw
from factory.runs.planning import Prepared
from tests.support.commands import call_here
from tests.support.image_jobs import KIT, make_picture_job, make_picture_rows
from tests.support.jobs import check_message, plan_job
from tests.support.model_builders import make_pipeline
from tests.support.paths import LAYOUTS

PLAIN = (LAYOUTS / "plain.html").read_text(encoding="utf-8")
Change = Callable[[Path], object]
DIFFUSERS = {"engine": "diffusers", "prompt": "a table in soft light"}


def write_kit(**values: Any) -> Change:
    """A change of the brand kit's keys."""

    def change(job: Path) -> None:
        (job / "brands" / "broken.ttf").write_bytes(b"\0\1\0\0 no tables follow")
        (job / "brands" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
        (job / "brands" / "daybird.yaml").write_text(yaml.safe_dump(KIT | values), encoding="utf-8")

    return change


def write_layout(old: str, new: str, name: str = "bad.html") -> Change:
    """A second layout like the plain one, with `old` made `new`."""
    assert old in PLAIN
    return lambda job: (job / "layouts" / name).write_text(PLAIN.replace(old, new, 1), encoding="utf-8")


def write_twice(job: Path) -> None:
    (job / "layouts" / "more.html").write_text(PLAIN, encoding="utf-8")
    (job / "more").mkdir()
    shutil.copy(job / "layouts" / "more.html", job / "more")


def leave(_job: Path) -> None:
    """Nothing to change."""


def drop_layout(name: str) -> Change:
    return lambda job: (job / "layouts" / name).unlink()


def refuse(job: Path) -> str:
    """The words of the refusal, hint included."""
    with pytest.raises(JobError) as caught:
        plan_job(job)
    assert len(caught.value.hint) > 10
    assert not (job / "out").exists()
    return str(caught.value)


KIT_FILE = "brands/daybird.yaml"
MISTAKES: dict[str, tuple[Change, dict[str, Any], tuple[str, ...]]] = {
    "font missing": (write_kit(fonts={"body": ["no.ttf"]}), {}, (KIT_FILE, "fonts", "no file", "no.ttf")),
    "font broken": (write_kit(fonts={"heading": ["broken.ttf"]}), {}, (KIT_FILE, "broken.ttf is damaged", "TTF")),
    "logo missing": (write_kit(logo={"on_light": "no.png"}), {}, (KIT_FILE, "logo", "no.png", "there are broken.png")),
    "logo broken": (write_kit(logo={"on_light": "broken.png"}), {}, (KIT_FILE, "broken.png", "export the logo")),
    "kit missing": (leave, {"brands": ["brands/no.yaml"]}, ("brand kit", "brands/no.yaml")),
    "kit key": (write_kit(colour="#fff"), {}, ("daybird.yaml line", "unknown key colour", "did you mean colors")),
    "kit colour": (
        write_kit(colors=KIT["colors"] | {"accent": "signal red"}), {}, ("daybird.yaml line", "accent", "signal red"),
    ),
    "layout syntax": (write_layout("aspects: [", "aspects: [["), {}, ("layouts/bad.html line",)),
    "layout markup": (
        write_layout('<p id="body">Body</p>', '<p id="body">Body<script src="http://127.0.0.1/x"></script></p>'), {},
        ("layouts/bad.html line 31", "<script> is not for layouts"),
    ),
    "layout fetch": (
        write_layout("#stage{", "#stage{background:url(http://127.0.0.1/x);"), {}, ("layouts/bad.html line", "fetch"),
    ),
    "unknown slot": (
        write_layout("  badge:", "  bagde:"), {}, ("layouts/bad.html line 11", "bagde", "'badge'"),
    ),
    "layout twice": (write_twice, {"layouts": ["layouts", "more"]}, ("more/more.html", "also in layouts/more.html")),
    "no layout": (leave, {"layouts": ["layuots"]}, ("no folder", "layuots")),
    "no shape": (
        drop_layout("plain.html"), {}, ("no layout of role creative", "square", "feed_1x1 (1080x1080)", "aspects"),
    ),
    "slot name": (leave, {"slots": ["feed_1x2"]}, ("images.slots", "'feed_1x2'", "did you mean feed_1x1", "feed_4x5")),
    "format": (leave, {"formats": ["avif"]}, ("meta_feed", "feed_1x1", "avif", "jpg, png")),
    "unknown format": (leave, {"formats": ["gif"]}, ("job.yaml line", "images.formats[0]", "'gif'")),
    "family": (leave, {"backdrop": {"prompt": "procedural: wavs"}}, ("images.backdrop.prompt", "'wavs'", "waves")),
    "model": (
        leave, {"backdrop": DIFFUSERS | {"model": "./nowhere"}}, ("'./nowhere'", "images.backdrop.model", "model_index"),
    ),
    "a text model": (
        leave, {"backdrop": DIFFUSERS | {"model": "smollm2-135m-instruct"}}, ("'smollm2-135m-instruct'", "images.backdrop"),
    ),
    "unsigned": (leave, {"signing": {}}, ("images.signing", "FACTORY_C2PA_CERTIFICATE is not set", "PEM")),
    "steps": (
        leave, {"backdrop": {"strength": 0.1, "steps": 4}}, ("4 steps at strength 0.1", "at least 10 steps"),
    ),
    "key": (leave, {"backdrop": {"sed": 7}}, ("job.yaml line", "sed")),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_fix(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("FACTORY_C2PA_CERTIFICATE", raising=False)
    change, images, words = MISTAKES[name]
    job = make_picture_job(tmp_path / "job", images=images)
    change(job)
    message = refuse(job)
    for word in words:
        assert word in message, message


def spoil_pipeline(folder: Path, name: str) -> None:
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    match name:
        case "no index":
            (folder / "model_index.json").unlink()
        case "no weights":
            weights.unlink()
        case "pickled":
            weights.rename(weights.with_suffix(".bin"))
        case "pickled part":
            (folder / "text_encoder").mkdir()
            (folder / "text_encoder" / "pytorch_model.bin").write_bytes(b"pickle")


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ("no index", ("holds no model_index.json", "diffusers' layout")),
        ("no weights", ("holds no .safetensors weights",)),
        ("pickled", ("transformer/diffusion_pytorch_model.bin is a pickle", "safe_serialization")),
        ("pickled part", ("text_encoder/pytorch_model.bin is a pickle",)),
    ],
)
def test_a_folder_that_is_no_safe_pipeline_is_refused_before_the_start(
    tmp_path: Path, spoilt: str, words: tuple[str, ...]
) -> None:
    folder = make_pipeline(tmp_path / "pipeline")
    job = make_picture_job(tmp_path / "job", images={"backdrop": DIFFUSERS | {"model": str(folder)}})
    plan_job(job)  # sound, as far as names of files tell
    spoil_pipeline(folder, spoilt)
    message = refuse(job)
    for word in ("images.backdrop.model", str(folder), *words):
        assert word in message, message


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("{{ produkt }}", ("images.backdrop.prompt line 1", "'produkt'", "brief")),
        ("a table\n{{ brief.nmae }}", ("images.backdrop.prompt line 2", "nmae")),
        ("{% if brief.brand %}x", ("images.backdrop.prompt line 1",)),
    ],
)
def test_a_prompt_that_cannot_be_written_is_named_by_its_line(
    tmp_path: Path, prompt: str, words: tuple[str, ...]
) -> None:
    folder = make_pipeline(tmp_path / "pipeline")
    backdrop = {"engine": "diffusers", "model": str(folder), "prompt": prompt}
    message = refuse(make_picture_job(tmp_path / "job", images={"backdrop": backdrop}))
    for word in words:
        assert word in message, message


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_picture_job(tmp_path / "job", images={"backdrop": {"safety": True}})
    monkeypatch.setattr(nsfw, "find_spec", lambda _name: None)
    message = refuse(job)
    assert "images.backdrop.safety" in message and "content-factory[nsfw]" in message


def test_plan_and_run_refuse_alike_without_a_traceback(tmp_path: Path) -> None:
    job = make_picture_job(tmp_path / "job", images={"slots": ["feed_9x9"]})
    for verb in ("plan", "run"):
        check_message(call_here(verb, job), 2, "images.slots", "feed_9x9", "choose from feed_4x5, feed_1x1")
    assert not (job / "out").exists()


def plan_two(folder: Path) -> Prepared:
    rows = make_picture_rows(3)
    rows[2]["price"] = -1
    settings = {"placements": ["meta_feed", "google_rsa"], "locales": ["en-US", "de-DE"], "select": {"keep": 2}}
    job = make_picture_job(folder, rows, {"slots": ["feed_1x1", "feed_4x5"]}, **settings)
    return plan_job(job)


def test_a_plan_says_how_many_creatives_there_may_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared = plan_two(tmp_path / "job")
    show_plan(prepared)
    shown = capsys.readouterr().out
    assert "at most 16: 2 picture slots, 2 layouts, 1 brand" in shown, shown  # 2 briefs, 2 locales, 2 slots, 2 texts
    assert describe_plan(prepared)["creatives"] == {
        "at_most": 16,
        "slots": {"meta_feed": ["feed_4x5", "feed_1x1"], "google_rsa": []},
        "layouts": ["plain", "strip"],
        "brands": ["Daybird"],
    }


def test_a_plan_without_pictures_says_nothing_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared = plan_job(make_picture_job(tmp_path / "job"), "images=null")
    show_plan(prepared)
    assert "creatives" not in capsys.readouterr().out
    assert describe_plan(prepared)["creatives"] is None
