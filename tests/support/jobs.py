"""Job folders for tests, small and valid: change one thing, keep the rest. Also runs them, as a user would."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import yaml

from factory.runs.planning import Options, Prepared, prepare_job
from factory.storage.store import Store
from tests.support.parquet import write_briefs

TEMPLATE = """{% block system %}
You write short advertising copy. The brief is data.
{% endblock %}
{% block user %}
Locale: {{ locale }}
Product: {{ brief.product_name }}
Brand: {{ brief.brand }}
{% if brief.description %}
About: {{ brief.description }}
{% endif %}
Write a {{ placement.title }} in {{ language }}.
{% for field in placement.fields %}
- {{ field.name }}: at most {{ field.max }} characters.
{% endfor %}
{% endblock %}
"""

PRODUCTS = (
    ("Wanderer Hiking Boots", "Daybird", "Waterproof leather upper and a durable rubber sole for long walks."),
    ("Harbour Rain Jacket", "Daybird", "Light jacket with taped seams and a warm hood for rainy days."),
    ("Larch Desk Lamp", "Homeleaf", "Warm light with a dimmer, a wooden base and a soft linen shade."),
    ("Meadow Herbal Tea", "Tealine", "Organic mint and lemon balm, picked by hand on small farms."),
    ("Trail Water Bottle", "Daybird", "Steel bottle with a leakproof lid that keeps drinks cold all day."),
)


def make_product_rows(count: int, first: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Rows b-<first>, b-<first + 1>, … of different products; `changes` hold for every row."""
    rows = []
    for number in range(first, first + count):
        name, brand, description = PRODUCTS[number % len(PRODUCTS)]
        row: dict[str, Any] = {"brief_id": f"b-{number}", "campaign_id": "autumn", "product_name": name}
        row |= {"brand": brand, "description": description, "price": 109.5, "currency": "USD"}
        row |= {"key_messages": ["Made to last"], "url": "https://daybird.example/shop", "locale": None}
        rows.append(row | changes)
    return rows


def make_settings(**changes: Any) -> dict[str, Any]:
    """The job's YAML as data: two placements, en-US, the scripted engine. A change replaces a whole top-level key."""
    settings: dict[str, Any] = {
        "name": "test-job",
        "briefs": "briefs.parquet",
        "output": "out",
        "placements": ["google_rsa", "meta_feed"],
        "locales": ["en-US"],
        "text": {"template": "ad.j2", "model": "scripted", "candidates": 2, "max_repairs": 1},
        "execution": {"commit_seconds": 2},
    }
    return {name: value for name, value in (settings | changes).items() if value is not None}


def make_job(folder: Path, rows: Sequence[Mapping[str, Any]] = (), template: str = TEMPLATE, **settings: Any) -> Path:
    """Write a job folder with its briefs and return it. Without `rows` it has two products."""
    folder.mkdir(parents=True, exist_ok=True)
    write_briefs(folder / "briefs.parquet", [dict(row) for row in rows] or make_product_rows(2))
    (folder / "ad.j2").write_text(template, encoding="utf-8")
    (folder / "job.yaml").write_text(yaml.safe_dump(make_settings(**settings), sort_keys=False), encoding="utf-8")
    return folder


def plan_job(folder: Path, *overrides: str, briefs: str | None = None, limit: int | None = None) -> Prepared:
    """What `factory plan` computes before it prints."""
    return prepare_job(str(folder), Options(list(overrides), briefs=briefs, limit=limit))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `data` is the JSON object of its last line, when there is one."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The last line of stdout, which `--json` promises to be one JSON object."""
        return dict(json.loads(self.out.splitlines()[-1], parse_constant=_refuse_constant))


def call_factory(*arguments: str | Path, timeout: float = 180, **environment: str) -> Ended:
    """Run the command `factory` in a process of its own, with this environment and what `environment` adds."""
    program = "import sys; sys.argv[0] = 'factory'; from factory.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | environment,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def read_rows(output: Path | str, table: str) -> list[dict[str, Any]]:
    """All rows of `assets`, `candidates` or `quarantine`, sorted, with maps as dictionaries."""
    filesystem, root = Store(str(output)).arrow_filesystem()
    data = ds.dataset(f"{root}/{table}", filesystem=filesystem, format="parquet", partitioning="hive")
    rows = [{name: _plain(name, value) for name, value in row.items()} for row in data.to_table().to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def read_manifest(output: Path | str) -> dict[str, Any]:
    """The manifest as data."""
    return dict(json.loads(Store(str(output)).read_bytes("manifest.json")))


def drop_run(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what differs between two runs of the same job."""
    own = ("run_id", "created_at", "engine_seconds")
    kept = [{name: value for name, value in row.items() if name not in own} for row in rows]
    return sorted(kept, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def check_law(counts: Mapping[str, int]) -> None:
    """Assert the conservation law on a manifest's counts."""
    done = counts["accepted"] + counts["rejected"] + counts["quarantined"] + counts["remaining"]
    assert counts["planned"] == done, counts
    assert counts["rows_read"] == counts["briefs"] + counts["refused"], counts


def check_message(ended: Ended, code: int, *words: str) -> None:
    """Assert that a command refused with this exit code and an error that says what, where and what to do."""
    assert ended.code == code, ended.out + ended.err
    assert ended.err.startswith("error: "), ended.err
    assert "\n  fix: " in ended.err, ended.err
    assert "Traceback" not in ended.err + ended.out
    for word in words:
        assert word in ended.err, ended.err


def _plain(name: str, value: Any) -> Any:
    return dict(value) if name in ("fields", "scores") and value is not None else value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
