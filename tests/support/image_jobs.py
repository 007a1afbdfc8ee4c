"""A small job that makes pictures, with a brand, two layouts and drawn products; scripted copy, procedural backdrops."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, ImageDraw

from tests.support.jobs import make_job, make_product_rows
from tests.support.paths import LAYOUTS

KIT: dict[str, Any] = {
    "name": "Daybird",
    "colors": {"primary": "#0b3d2e", "secondary": "#d9a441", "accent": "#c8102e"},
    "actions": {"default": ["Shop the range", "Shop now", "Buy"]},
}


def draw_product(path: Path, side: int = 600, seed: int = 0) -> Path:
    """Write a picture of a rounded thing on a white ground."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (side, side), "white")
    color = tuple(int(value) for value in random.integers(40, 190, 3))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((side * 0.2, side * 0.15, side * 0.8, side * 0.85), side // 12, color)
    draw.ellipse((side * 0.35, side * 0.3, side * 0.65, side * 0.6), tuple(value // 2 for value in color))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def make_picture_rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Product rows, each with a picture of its own below pictures/."""
    rows = make_product_rows(count, brand="Daybird", **changes)
    return [row | {"image_uri": f"pictures/{row['brief_id']}.png"} for row in rows]


def make_picture_job(
    folder: Path, rows: Sequence[Mapping[str, Any]] = (), images: Mapping[str, Any] | None = None, **settings: Any
) -> Path:
    """Write a job folder whose briefs have pictures; `images` changes keys of that section. Without `rows`: two products."""
    own = [dict(row) for row in rows] or make_picture_rows(2)
    for number, row in enumerate(own):
        uri = row.get("image_uri") or ""
        if uri.startswith("pictures/"):
            draw_product(folder / uri, seed=number)
    (folder / "brands").mkdir(parents=True, exist_ok=True)
    (folder / "brands" / "daybird.yaml").write_text(yaml.safe_dump(KIT), encoding="utf-8")
    shutil.copytree(LAYOUTS, folder / "layouts", dirs_exist_ok=True)
    section: dict[str, Any] = {"brands": ["brands/daybird.yaml"], "layouts": ["layouts"], "slots": ["feed_1x1"]}
    section |= images or {}
    settings.setdefault("placements", ["meta_feed"])
    return make_job(folder, own, images=section, **settings)
