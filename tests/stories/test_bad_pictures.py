"""Bad pictures, copy and kits, one creative each: refused by name, or harmless; whatever else the run makes is as it would be.

First at the easel, in this process; then all bad pictures in one real run; then pictures on a real S3 server.
"""

import hashlib
import html
import io
import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import blitz_py
import numpy as np
import pytest
import yaml
from PIL import Image

from factory.engines.base import Pixels
from factory.images.compose.page import write_page
from factory.images.compose.rendered_page import RenderedPage, Setting
from factory.images.files.provenance import read_source_type
from factory.images.types import PaintedBackdrop
from factory.journal.accepted_texts import list_text_files
from factory.journal.split_records import read_records
from factory.pipeline.image_rows import read_chosen
from factory.pipeline.rows import list_rows
from factory.storage.store import Store
from schemas.creative import CreativeOutcome
from tests.support.commands import call_here
from tests.support.image_jobs import KIT, draw_product, make_picture_job, make_picture_rows
from tests.support.image_stages import Workshop, open_workshop
from tests.support.jobs import Ended, call_factory, check_law, read_rows

ONE_COLOR = ["#808080", "#777777", "#ffff00", "#000000", "#ffffff"]


def open_shop(folder: Path, kit: Mapping[str, Any] | None = None, layout: tuple[str, str] = ("", "")) -> Workshop:
    """A workshop whose kit has other keys, or whose layout has other text."""
    job = make_picture_job(folder)
    (job / "brands" / "daybird.yaml").write_text(yaml.safe_dump(KIT | dict(kit or {})), encoding="utf-8")
    plain = job / "layouts" / "plain.html"
    source = plain.read_text(encoding="utf-8")
    assert layout[0] in source
    plain.write_text(source.replace(*layout), encoding="utf-8")
    return open_workshop(job)


def list_reasons(made: CreativeOutcome) -> set[str]:
    return {variant.reason.partition(":")[0] for variant in made.variants}


@pytest.mark.parametrize("color", ONE_COLOR)
def test_a_palette_in_which_nothing_can_be_read_is_mended(color: str, tmp_path: Path) -> None:
    palette = dict.fromkeys(("primary", "secondary", "accent", "ink", "paper"), color)
    made = open_shop(tmp_path / "job", {"colors": palette})
    outcome = made.make(made.make_work())
    assert outcome.status == "accepted", outcome.variants
    (best,) = [variant for variant in outcome.variants if variant.rank == 1]
    assert {check.rule for check in best.checks if check.passed} >= {"contrast", "text_painted"}


def draw_noise(*_: Any) -> PaintedBackdrop:
    """Black and white squares of eight pixels: no colour stands out from both."""
    squares = np.random.default_rng(0).integers(0, 2, (135, 135, 1), dtype=np.uint8) * 255
    return PaintedBackdrop(np.kron(squares, np.ones((8, 8, 3), np.uint8)), "noise", "noise", 0)


def test_text_that_no_colourway_makes_readable_is_never_published(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "job", layout=("background:var(--panel);", ""))
    outcome = shop.make(shop.make_work(), backdrop=draw_noise)
    assert (outcome.status, outcome.pictures) == ("rejected", [])
    assert list_reasons(outcome) == {"contrast"}
    assert all("on its ground, needs" in variant.reason for variant in outcome.variants)
    assert len({variant.colorway for variant in outcome.variants}) > 1, "others were tried"
    assert outcome.thumbnail, "people can see why"
    assert not (tmp_path / "job" / "out" / "images").exists()


WORD = "W" * 78
REJECTED: list[tuple[dict[str, Any], str, str]] = [
    ({"copy": {"headline": [WORD]}, "product_name": WORD}, "copy_too_long", "plain at 1080x1080: headline"),
    ({"disclaimer": "terms apply " * 40}, "copy_too_long", "legal"),
    ({"copy": {"headline": ["\U00012000\U00012001"]}, "product_name": "\U00012000"}, "missing_glyph", "fonts.by_locale"),
    ({"disclaimer": "valid \U00012000"}, "missing_glyph", "legal"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "reason", "detail"), REJECTED)
def test_copy_that_cannot_be_set_is_rejected_with_its_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str, detail: str
) -> None:
    shop = open_shop(tmp_path / "job")
    outcome = shop.make(shop.make_work(**changes))
    assert outcome.status == "rejected"
    assert list_reasons(outcome) == {reason}
    assert all(detail in variant.reason for variant in outcome.variants), outcome.variants[0].reason


def test_what_a_brand_does_not_say_is_in_none_of_its_pictures(tmp_path: Path) -> None:
    forbidden = ["Walk further", "long WALKS", "shop now", "Shop the range"]
    shop = open_shop(tmp_path / "job", {"do_not_use": forbidden})
    outcome = shop.make(shop.make_work())
    (variant,) = outcome.variants
    assert variant.passed
    said = " ".join(variant.texts.values()).casefold()
    assert said and not [phrase for phrase in forbidden if phrase.casefold() in said], variant.texts


CODE = [
    "<b>Boots</b><script>alert(1)</script>",
    "&lt;b&gt; &amp; &#98; </div>",
    "{{ 7 * 7 }} {% raw %} ${x}",
    "=HYPERLINK(1) @SUM(A1) \\n %s",
    "'; } #t-headline{color:red} /*",
]


@pytest.mark.parametrize("text", CODE)
def test_code_in_a_text_stays_text_to_the_last_pixel(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[tuple[RenderedPage, dict[str, Setting], tuple[Any, ...], Pixels]] = []
    paint = RenderedPage.paint

    def note(rendered: RenderedPage, settings: Mapping[Any, Setting], *rest: Any) -> Pixels:
        pixels = paint(rendered, settings, *rest)
        painted.append((rendered, dict(settings), rest, pixels.copy()))
        return pixels

    monkeypatch.setattr(RenderedPage, "paint", note)
    shop = open_shop(tmp_path / "job")
    outcome = shop.make(shop.make_work(copy={"headline": [text]}, product_name=text))
    assert outcome.status == "accepted", outcome.variants
    assert outcome.variants[-1].texts["headline"] == text, "and in the tables"
    assert painted
    for rendered, settings, rest, pixels in painted:
        assert np.array_equal(paint(write_escaped(rendered, settings), settings, *rest), pixels)


def write_escaped(rendered: RenderedPage, settings: Mapping[Any, Setting]) -> RenderedPage:
    """The same page with its texts written into the HTML, escaped, and none set afterwards."""
    page = write_page(rendered.page).html
    made = RenderedPage(rendered.page)
    for name, setting in settings.items():
        box = f'id="t-{name}">'
        assert page.count(f"{box}x<") == 1
        page = page.replace(f"{box}x<", f"{box}{html.escape(setting.text)}<")
        made._state[name, "text"] = setting.text
    size = rendered.page.size
    made._template = blitz_py.Template(page, width=size.width, height=size.height, background="#00000000")
    return made


def encode(kind: str, side: int = 300, mode: str = "RGB", **options: Any) -> bytes:
    sink = io.BytesIO()
    picture = Image.new(mode, (side, side), "white" if mode == "RGB" else 0)
    if side > 200:
        picture.paste("navy" if mode == "RGB" else (90, 200, 20, 10), (80, 60, 220, 240))
    picture.save(sink, kind, **options)
    return sink.getvalue()


def declare_bomb() -> bytes:
    """A PNG of 67 bytes that says it has 3.6 gigapixels."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in (
        (b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"0")),
        (b"IEND", b""),
    ):
        parts.append(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))
    return b"".join(parts)  # fmt: skip


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("http://127.0.0.1:9/")</script></svg>'
FRAMES = [Image.new("RGB", (300, 300), color) for color in ("red", "blue")]

# Brief, the content of its picture, and the reason in quarantine; "" for what is fine all the same.
FILES: list[tuple[str, bytes, str]] = [
    ("fine", encode("PNG"), ""),
    ("empty", b"", "empty"),
    ("cut", encode("JPEG")[:-500], "damaged"),
    ("pixel", encode("PNG", side=1), "too_small"),
    ("bomb", declare_bomb(), "too_many_pixels"),
    ("cmyk", encode("JPEG", mode="CMYK"), ""),
    ("moving", encode("GIF", save_all=True, append_images=FRAMES), "animated"),
    ("svg", SVG, "not_a_picture"),
    ("jpeg-in-png", encode("JPEG"), ""),
    ("text-in-png", b"no picture at all", "not_a_picture"),
    ("killer", encode("PNG") + b"KILLER", "process_died"),
    ("raiser", encode("PNG") + b"RAISER", "raised"),
]
# Brief, the address of its picture, and the reason.
PLACES: list[tuple[str, str, str]] = [
    ("none", "", ""),
    ("missing", "pictures/nowhere.png", "missing"),
    ("folder", "pictures", "missing"),
    ("above", "../secret.png", "outside_roots"),
    ("system", "/etc/passwd", "outside_roots"),
    ("link", "pictures/link.png", "outside_roots"),
    ("scheme", "file:///etc/passwd", "outside_roots"),
    ("data", "data:image/png;base64,AAAA", "bad_address"),
    ("stranger", "http://pictures.example/x.png", "host_not_allowed"),
    ("inside", "http://localhost:9/x.png", "private_address"),
    ("metadata", "http://169.254.169.254/latest/meta-data", "private_address"),
    ("object", "s3://somebody-elses/x.png", "outside_roots"),
]
REASONS = {name: reason for name, _, reason in [*FILES, *PLACES]}
HOSTS = ["localhost:9", "169.254.169.254"]

# What Python runs when a process starts: pictures that end it, or trip it, as a defect of a decoder would.
POISON = """
import importlib.abc, importlib.machinery, os, signal, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "factory.images.product.decode":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def poison(module):
            execute(module)
            decode = module.decode_picture

            def decode_or_break(data, sources):
                if data.endswith(b"KILLER"):
                    os.kill(os.getpid(), signal.SIGKILL)
                if data.endswith(b"RAISER"):
                    raise RuntimeError("nobody has thought of this")
                return decode(data, sources)

            module.decode_picture = decode_or_break

        spec.loader.exec_module = poison
        return spec

sys.meta_path.insert(0, Finder())
"""


@dataclass(frozen=True)
class Night:
    """The run over every bad picture: its job and how it ended."""

    job: Path
    ended: Ended
    quarantine: dict[str, dict[str, Any]]  # by brief
    pictures: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    folder = tmp_path_factory.mktemp("night")
    rows = make_picture_rows(len(REASONS))
    for row, (name, place) in zip(
        rows, [*((name, f"pictures/{name}.png") for name, _, _ in FILES), *((n, p) for n, p, _ in PLACES)], strict=True
    ):
        row |= {"brief_id": name, "image_uri": place}
    job = make_picture_job(
        folder / "job", rows, {"sources": {"hosts": HOSTS}},
        execution={"commit_seconds": 1, "max_quarantine_rate": 1.0, "max_attempts": 2, "unit_rows": 8},
    )  # fmt: skip
    for name, content, _ in FILES:
        (job / "pictures" / f"{name}.png").write_bytes(content)
    draw_product(folder / "secret.png")
    (job / "pictures" / "nowhere.png").unlink()
    (job / "pictures" / "link.png").unlink()
    (job / "pictures" / "link.png").symlink_to(folder / "secret.png")
    (folder / "poison").mkdir()
    (folder / "poison" / "sitecustomize.py").write_text(POISON, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(folder / "poison"), os.environ.get("PYTHONPATH"))))
    ended = call_factory("run", job, "--json", timeout=900, PYTHONPATH=path)
    assert ended.code == 0, ended.err[-3000:]
    refused = {row["brief_id"]: row for row in read_rows(job / "out", "quarantine")}
    made = {row["brief_id"]: row for row in read_rows(job / "out", "assets") if row["kind"] == "image"}
    return Night(job, ended, refused, made)


@pytest.mark.slow
def test_each_bad_picture_is_in_quarantine_with_its_reason(night: Night) -> None:
    assert {name: row["reason"] for name, row in night.quarantine.items()} == {
        name: reason for name, reason in REASONS.items() if reason
    }
    for name, row in night.quarantine.items():
        assert (row["stage"], row["retryable"]) == ("images", True), name
        # Two, too, for what was being read when the killer struck twice: it was tried again, alone.
        assert row["attempt"] in ((2,) if name in ("killer", "raiser") else (1, 2))
        assert row["creative_id"] and row["request_id"] and row["run_id"] and row["created_at"]
        assert json.loads(row["record"])["brief_id"] == name
        assert row["detail"] and "Traceback" not in row["detail"]


@pytest.mark.slow
def test_nothing_disappears(night: Night) -> None:
    counts = night.ended.data["counts"]
    num_bad = sum(bool(reason) for reason in REASONS.values())
    check_law(counts)
    made = {name.removeprefix("creatives_"): value for name, value in counts.items() if name.startswith("creatives_")}
    assert made == {
        "planned": len(REASONS), "skipped": 0, "accepted": len(REASONS) - num_bad, "rejected": 0,
        "quarantined": num_bad, "remaining": 0, "unread": 0,
    }  # fmt: skip
    assert counts["accepted"] == len(REASONS), "every text stands, whatever its picture"
    assert set(night.pictures) == {name for name, reason in REASONS.items() if not reason}


@pytest.mark.slow
def test_what_is_fine_is_what_it_is_without_the_bad_ones(night: Night) -> None:
    """Made again in this process, by themselves, from the texts of the run: the same bytes."""
    shop = open_workshop(night.job)
    (attempt,) = [name.removesuffix(".json") for name in shop.store.list_names("attempts") or []]
    ids = {row["creative_id"]: (0, 0) for row in read_rows(night.job / "out", "creatives") if row["image_uri"]}
    rows = [
        row
        for file in list_text_files(shop.store, read_records(shop.store, attempt))
        for table in read_chosen(file, shop.context, ids)
        for row in list_rows(table)
    ]
    again = replace(shop, store=Store(str(night.job.parent / "again")))
    assert again.make_all(rows=rows).creatives_accepted == len(night.pictures)
    made = {each.request.brief.brief_id: each.pictures[0].sha256 for each in again.read_done()}
    assert made == {name: row["sha256"] for name, row in night.pictures.items()}


@pytest.mark.slow
def test_nothing_of_what_was_out_of_bounds_is_told_or_kept(night: Night) -> None:
    secret = hashlib.sha256((night.job.parent / "secret.png").read_bytes()).hexdigest()
    written = [path for path in (night.job / "out").rglob("*") if path.is_file()]
    assert written and not [path for path in written if secret.encode() in path.read_bytes()]
    assert "root:" not in night.quarantine["system"]["detail"]
    page = (night.job / "out" / "report.html").read_text(encoding="utf-8")
    assert "process_died" in page and "private_address" in page


@pytest.mark.s3
def test_pictures_lie_on_s3_as_they_do_on_a_disk(tmp_path: Path, bucket: str, ray_cluster: str) -> None:
    rows = make_picture_rows(2)
    job = make_picture_job(tmp_path / "job", rows, {"sources": {"roots": [".", f"{bucket}/products"]}})
    Store(bucket).write_bytes("products/b-1.png", (job / "pictures" / "b-1.png").read_bytes())
    rows[1]["image_uri"] = f"{bucket}/products/b-1.png"
    make_picture_job(job, rows, {"sources": {"roots": [".", f"{bucket}/products"]}})
    night = ("--output", f"{bucket}/night")
    ended = call_here("run", job, *night, "--json", timeout=600, RAY_ADDRESS=ray_cluster)
    assert ended.code == 0, ended.err[-3000:]
    store = Store(f"{bucket}/night")
    pictures = [row for row in read_rows(store.uri, "assets") if row["kind"] == "image"]
    assert {row["brief_id"] for row in pictures} == {"b-0", "b-1"}
    for row in pictures:
        data = store.read_bytes(row["image_uri"])
        assert hashlib.sha256(data).hexdigest() == row["sha256"] == Path(row["image_uri"]).stem
        assert len(data) == row["num_bytes"]
        assert Image.open(io.BytesIO(data)).size == (row["width"], row["height"])
        assert read_source_type(data) == row["digital_source_type"]
    assert sorted(info.path for info in store.list("images")) == sorted(row["image_uri"] for row in pictures)
    assert store.exists("manifest.json") and not (job / "out").exists()
