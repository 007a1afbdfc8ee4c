"""The documents say what is so: sizes, paths, links, names, settings and their defaults, and every block in them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from typer.testing import CliRunner

from factory.cli.main import app
from factory.config.templates import compile_template
from factory.images.backdrops.procedural.engine import FAMILIES
from factory.images.slots import make_slots
from factory.text.checks.checker import validate_rules
from factory.text.prompts.builder import PromptBuilder
from schemas.base import Config
from schemas.brand import BrandKit
from schemas.images import Images
from schemas.job import Job, TextConfig
from schemas.layout import Aspect, ColorName, SlotName
from schemas.placement import Placement
from tests.support.documents import DOCUMENTS, Block, list_anchors, list_blocks, list_code, list_links, read_prose
from tests.support.job_keys import find_default, is_setting
from tests.support.paths import ROOT

pytestmark = pytest.mark.unit

MAX_README = 10_000  # bytes: a page that is read to its end
FOLDERS = ("factory/", "schemas/", "jobs/", "docs/", "tests/")
SETTINGS = ("text.", "images.", "execution.", "judge.", "select.", "checks.", "budget.", "price.")
LANGUAGES = ("sh", "python", "yaml", "html", "jinja", "")  # "": a drawing or a listing

_NAME_IN_FILE = re.compile(r"`(\w+)`\s+(?:in|of)\s+`((?:factory|schemas|tests)/[\w./]+\.py)`")
_NAME_IN_ROW = re.compile(r"^\| `(\w+)` \|.*\| `([\w./]+\.py)` \|$", re.MULTILINE)
_DEFAULT = re.compile(r"`(execution\.[\w.]+)`[^`(|]{0,40}\((\d+)\)")
_DOCUMENT = re.compile(r"\bdocs/[\w/]+\.md")
_SECTION = re.compile(r"README, [\"'](.+?)[\"']")

by_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def name_block(block: Block) -> str:
    return block.place


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= MAX_README


def test_pictures_are_small_and_shown() -> None:
    shown = {link for link in list_links(ROOT / "README.md") if link.startswith("docs/images/")}
    found = {str(file.relative_to(ROOT)): file.stat().st_size for file in (ROOT / "docs" / "images").iterdir()}
    assert shown == set(found)
    assert max(found.values()) < 150_000


@by_document
def test_every_path_exists(path: Path) -> None:
    listed = [word for block in list_blocks("") if path.name in block.place for word in block.text.split()]
    names = [name for name in (*list_code(path), *listed) if name.startswith(FOLDERS) and "<" not in name]
    lacking = [name for name in names if not list(ROOT.glob(name.rstrip("/")))]
    assert lacking == []


@by_document
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in list_links(path):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in list_anchors(file)):
            broken.append(link)
    assert broken == []


def test_what_code_says_of_documents_is_there() -> None:
    files = [
        ROOT / "cluster.yaml",
        *(file for name in ("factory", "schemas", "jobs") for file in (ROOT / name).rglob("*.*")),
    ]
    texts = [file.read_text(encoding="utf-8") for file in files if file.suffix in (".py", ".yaml", ".j2", ".html")]
    assert {name for text in texts for name in _DOCUMENT.findall(text) if not (ROOT / name).is_file()} == set()
    sections = {name for text in texts for name in _SECTION.findall(text)}
    assert {"Templates"} <= sections
    assert sections <= set(re.findall(r"^## (.+)$", read_prose(ROOT / "README.md"), re.MULTILINE))


@by_document
def test_every_name_is_in_the_file_that_is_named_with_it(path: Path) -> None:
    pairs = [pair for pattern in (_NAME_IN_FILE, _NAME_IN_ROW) for pair in pattern.findall(read_prose(path))]
    lacking = [pair for pair in pairs if not defines((ROOT / pair[1]).read_text(encoding="utf-8"), pair[0])]
    assert lacking == []


def defines(source: str, name: str) -> bool:
    return bool(re.search(rf"^\s*(?:class |(?:async )?def )?{name}\b", source, re.MULTILINE))


def test_the_names_that_layouts_and_backdrops_may_use_are_all_told() -> None:
    told = set(list_code(ROOT / "docs/images.md"))
    colors = {f"var(--{name.replace('_', '-')})" for name in get_args(ColorName)}
    assert {code for code in told if code.startswith("var(")} == colors
    assert {*get_args(SlotName), *Aspect, *FAMILIES} <= told


@by_document
def test_every_setting_is_one_of_the_job(path: Path) -> None:
    keys = [re.split("[=: ]", code)[0] for code in list_code(path) if re.match(r"[a-z]+\.[a-z_.]+\b", code)]
    unknown = [key for key in keys if key.startswith(SETTINGS) and not is_setting(key)]
    assert unknown == []


def test_defaults_are_those_of_the_schema() -> None:
    told = [pair for path in DOCUMENTS for pair in _DEFAULT.findall(read_prose(path))]
    assert len(told) >= 6
    assert [(key, value) for key, value in told if find_default(key) != float(value)] == []


@pytest.mark.parametrize("key", ["execution.text.timeout", "text.candidate", "images.backdrop.engines"])
def test_a_wrong_setting_is_found(key: str) -> None:
    assert not is_setting(key)


@pytest.mark.parametrize("block", list_blocks(), ids=name_block)
def test_every_block_is_in_a_language_that_is_tested(block: Block) -> None:
    assert block.language in LANGUAGES


@pytest.mark.parametrize("block", list_blocks("yaml"), ids=name_block)
def test_yaml_is_valid_in_its_place(block: Block) -> None:
    value = yaml.safe_load(block.text)
    if keys_fit(value, Job):
        Job.model_validate(merge(read_job(), value))
    elif keys_fit(value, BrandKit):
        BrandKit.model_validate(value)
    else:
        base = yaml.safe_load((ROOT / "schemas/placements/meta_story.yaml").read_text(encoding="utf-8"))
        placement = Placement.model_validate(base | value)
        validate_rules(placement)
        make_slots(placement, Images(brands=["kit.yaml"], layouts=["layouts"]))


def keys_fit(value: Mapping[str, Any], model: type[Config]) -> bool:
    return set(value) <= set(model.model_fields)


def read_job() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "jobs/creatives/job.yaml").read_text(encoding="utf-8")))


def merge(base: Any, change: Any) -> Any:
    """`change` laid over `base`, mapping by mapping."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return base | {key: merge(base.get(key), value) for key, value in change.items()}


@pytest.mark.parametrize("block", list_blocks("html"), ids=name_block)
def test_layouts_carry_short_and_long_copy(block: Block, tmp_path: Path) -> None:
    (tmp_path / "example.html").write_text(block.text, encoding="utf-8")
    options = ["--size", "1080x1080", "--content", "short", "--content", "long", "--content", "no-picture", "--json"]
    done = CliRunner().invoke(
        app, ["preview-layout", str(tmp_path / "example.html"), "--out", str(tmp_path), *options]
    )
    assert done.exit_code == 0, done.output
    [layout] = json.loads(done.stdout.splitlines()[-1])["layouts"]
    assert [(each["drawn"], each["faults"]) for each in layout["previews"]] == [(True, [])] * 3


@pytest.mark.parametrize("block", list_blocks("jinja"), ids=name_block)
def test_templates_are_sound(block: Block) -> None:
    compile_template(block.text, block.place)
    PromptBuilder(block.text, block.place, TextConfig(template="ad.j2"))
