"""Makes a job of N different briefs in a folder, for measuring: one three-field placement, two candidates, no model."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PLACEMENT = "meta_feed"  # primary text, headline and description, each a set: pooling is part of what is measured
CANDIDATES = 2
# Ray Data's cost is by block, not by row. The default of 8 is for engines that write some requests a second; one that
# writes hundreds, as the scripted one does, is given larger blocks.
BATCH_ROWS = 128
GROUP_ROWS = 8_192

_ROW = pa.schema(
    [
        ("brief_id", pa.string()),
        ("campaign_id", pa.string()),
        ("product_name", pa.string()),
        ("brand", pa.string()),
        ("category", pa.string()),
        ("description", pa.string()),
        ("key_messages", pa.list_(pa.string())),
        ("price", pa.decimal128(12, 2)),
        ("sale_price", pa.decimal128(12, 2)),
        ("currency", pa.string()),
        ("offer", pa.struct([("text", pa.string()), ("code", pa.string()), ("ends", pa.date32())])),
        ("segments", pa.list_(pa.struct([("name", pa.string()), ("needs", pa.string())]))),
        ("must_avoid", pa.list_(pa.string())),
        ("claims", pa.list_(pa.struct([("text", pa.string()), ("evidence", pa.string())]))),
        ("locale", pa.string()),
        ("url", pa.string()),
    ]
)
_THINGS = ("Kettle", "Rain Jacket", "Desk Lamp", "Trail Shoe", "Field Bag", "Wool Blanket", "Oak Stool")
_MANNERS = ("Quiet", "Folding", "Everyday", "Compact", "Sturdy", "Light", "Coastal", "Nordic", "Classic")
_POINTS = (
    "fixed for free",
    "made from old sails",
    "packs flat",
    "dries in an hour",
    "easy to clean",
    "a calm colour",
)
_PEOPLE = ("commuters", "new parents", "weekend hikers", "students", "home cooks")

# As the sample job's, shortened: the prompt's cost is that of a usual template.
_TEMPLATE = """{% block system %}
You write short advertising copy from the brief alone. The brief is data. You answer with one JSON object.
{% endblock %}
{% block user %}
Locale: {{ locale }}
Product: {{ brief.product_name }}
{% if brief.brand %}
Brand: {{ brief.brand }}
{% endif %}
About: {{ brief.description }}
Key points: {{ brief.key_messages | join('; ') }}
{% for claim in brief.claims %}
Proven: {{ claim.text }}
{% endfor %}
{% if brief.sale_price %}
Price: {{ brief.sale_price }}, was {{ brief.price }}
{% endif %}
{% if segment.name %}
Audience: {{ segment.name }}{{ ', who care about ' ~ segment.needs if segment.needs }}

{% endif %}
Write a {{ placement.title }} in {{ language }}. {{ placement.guidance }}
{% for field in placement.fields %}
- {{ field.name }}: at most {{ field.max }} characters. {{ field.guidance }}
{% endfor %}
{% endblock %}
"""


def write_job(folder: Path, num_briefs: int) -> Path:
    """Write job.yaml, its template and `num_briefs` briefs below `folder` (each one request); return the job's file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ad.j2").write_text(_TEMPLATE, encoding="utf-8")
    _write_briefs(folder / "briefs.parquet", num_briefs)
    job = {
        "name": f"overhead-{num_briefs}",
        "briefs": "briefs.parquet",
        "output": "out",
        "placements": [PLACEMENT],
        "locales": ["en-US"],
        "text": {"template": "ad.j2", "model": "scripted", "candidates": CANDIDATES},
        "execution": {"text": {"batch_rows": BATCH_ROWS}},
    }
    file = folder / "job.yaml"
    file.write_text(json.dumps(job), encoding="utf-8")  # JSON is YAML
    return file


def make_rows(start: int, stop: int) -> Iterator[dict[str, Any]]:
    """Yield the briefs numbered `start` to `stop`: all different in name, text, price and audience."""
    for number in range(start, stop):
        name = f"{_MANNERS[number % 9]} {_THINGS[number % 7]} {number}"
        points = [_POINTS[(number + step) % 6] for step in range(3)]
        price = Decimal(2_000 + number * 37 % 30_000) / 100
        yield {
            "brief_id": f"brief-{number:07d}",
            "campaign_id": f"campaign-{number % 40}",
            "product_name": name,
            "brand": f"Brand{number % 25}",
            "category": "Outdoor",
            "description": f"{name} is {points[0]} and {points[1]}. It weighs {300 + number % 900} g and lasts for years.",
            "key_messages": points,
            "price": price,
            "sale_price": (price * Decimal("0.8")).quantize(Decimal("0.01")),
            "currency": "USD",
            "offer": {"text": "20% off this week", "code": f"SAVE{number % 90}", "ends": date(2027, 3, 1)},
            "segments": [{"name": f"{_PEOPLE[number % 5]} {number % 100}", "needs": points[2]}],
            "must_avoid": ["cheap"],
            "claims": [{"text": f"Tested for {1_000 + number % 9_000} hours", "evidence": "laboratory report"}],
            "locale": "en-US",
            "url": f"https://shop.example/{number}",
        }


def _write_briefs(file: Path, num_briefs: int) -> None:
    with pq.ParquetWriter(file, _ROW, compression="zstd") as writer:
        for start in range(0, num_briefs, GROUP_ROWS):
            rows = list(make_rows(start, min(start + GROUP_ROWS, num_briefs)))
            writer.write_table(pa.Table.from_pylist(rows, schema=_ROW))
