"""What must hold after a case, told independently of the code that is held to it."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from factory.engines.base import Prompt
from factory.output.report.build import build_report, render_html
from factory.output.tables.compact import Compacted
from factory.text.lengths import count, sms_segments
from schemas.outcome import Candidate, Fields, Outcome, Refusal, Status
from schemas.placement import Placement

# Control, ANSI, bidirectional, zero-width without a use, surrogates, noncharacters, tags and variation selectors that hide text.
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e001f"
    "\U000e0080-\U000e0fff\U0010fffe\U0010ffff]"
)
_NOT_FOR_ALL = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")  # private use: other fonts show something else
_MARKUP = re.compile(r"</?[a-zA-Z!]|<\||\{\{|\{%|\{#|\x1b")
_TAG = re.compile(r"[<>\"\s\\]")
_CODE = re.compile(r"[a-z][a-z0-9_]*")
_TURN = re.compile(r"<\||\|>|\[/?INST\]|</?s>|<<|<start_of|<end_of|<\uff5c", re.IGNORECASE)
_LINES = re.compile(
    r"(?:<brief>|</brief>|(?:Locale|Product|Brand|About|Key points|Proven claims|Audience|They want|Tone|Must mention|"
    r"Never mention): .*|Write the .*|A first draft was refused:|- .*|Write only .*|)"
)
_METADATA = {b"factory.segment", b"ARROW:schema", b"pandas"}


def check_refusal(refusal: Refusal) -> None:
    """A refused row says why, in words that can be printed, and keeps the row as JSON."""
    assert _CODE.fullmatch(refusal.reason), refusal
    assert refusal.detail.strip(), refusal
    refusal.model_dump_json().encode()
    assert len(refusal.record) <= 20_000
    load_json(refusal.record)


def check_prompt(prompt: Prompt) -> None:
    """The brief adds no turn, no control token and no line of its own to the prompt."""
    assert [message["role"] for message in prompt.messages] == ["system", "user"]
    for message in prompt.messages:
        content = message["content"]
        content.encode()
        assert not UNSAFE.search(content), UNSAFE.search(content)
        assert not _TURN.search(content), _TURN.search(content)
        assert content.count("<brief>") <= 1 and content.count("</brief>") <= 1
    for line in prompt.messages[1]["content"].split("\n"):
        assert _LINES.fullmatch(line), line
    json.dumps(prompt.json_schema, allow_nan=False).encode()


def check_outcome(outcome: Outcome, placement: Placement) -> None:
    """An outcome survives its way to storage, and says of everything that is no asset why."""
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome
    if outcome.quarantine is not None:
        check_refusal(outcome.quarantine)
        return
    assert outcome.candidates
    for candidate in outcome.candidates:
        assert candidate.reason or candidate.status is Status.ACCEPTED, candidate
        assert len(candidate.raw) <= 2_000
        for value in (candidate.score, *candidate.scores.values()):
            assert value is None or (math.isfinite(value) and 0 <= value <= 1)
        if candidate.status is Status.ACCEPTED:
            check_asset(candidate, placement)


def check_asset(candidate: Candidate, placement: Placement) -> None:
    """What was accepted fits its placement, and can be shown and sent anywhere."""
    assert candidate.checks and all(check.passed for check in candidate.checks)
    check_copy(candidate.fields, placement)


def check_copy(fields: Fields, placement: Placement) -> None:
    """Copy fits its placement, and nothing in it is hidden or would run anywhere."""
    assert set(fields) <= {field.name for field in placement.fields}
    for field in placement.fields:
        items = fields.get(field.name, [])
        if field.source == "model":
            assert field.min_count <= len(items) <= field.max_count, (field.name, items)
        for item in items:
            assert field.min <= count(item, field.counting) <= field.max, (field.name, item)
            assert field.max_segments is None or sms_segments(item)[2] <= field.max_segments
            assert item.strip(), field.name
            assert not UNSAFE.search(item), (field.name, item)
            assert field.multiline or "\n" not in item, (field.name, item)
            assert not _NOT_FOR_ALL.search(item), (field.name, item)
            code = _TAG if field.source == "brief.url" else _MARKUP  # an address may have the channel's {{marks}}
            assert not code.search(item), (field.name, item)


def check_tables(output: Path, outcomes: Sequence[Outcome], refusals: Sequence[Refusal], compacted: Compacted) -> None:
    """Every brief, request and candidate is in the tables once, and nothing but names of ours is in files' metadata."""
    tables: dict[str, list[dict[str, Any]]] = {"assets": [], "candidates": [], "quarantine": []}
    for file in check_files(output):
        tables[file.relative_to(output).parts[0]] += pq.read_table(file).to_pylist()
    quarantined = [outcome for outcome in outcomes if outcome.quarantine is not None]
    assert len(tables["quarantine"]) == len(refusals) + len(quarantined)
    assert all(row["reason"] and row["detail"] for row in tables["quarantine"])
    assert len(tables["candidates"]) == sum(len(outcome.candidates) for outcome in outcomes)
    assert len(tables["assets"]) == sum(len(outcome.accepted) for outcome in outcomes)
    assert len({row["asset_id"] for row in tables["assets"]}) == len(tables["assets"])
    totals = compacted.totals
    assert totals.refused == len(refusals) and totals.quarantined == len(quarantined)
    assert totals.accepted + totals.rejected + totals.quarantined == len(outcomes)


def check_files(folder: Path) -> list[Path]:
    """Return the folder's Parquet files: their names and key-value metadata hold our own words only, counts and digests."""
    files = sorted(folder.rglob("*.parquet"))
    assert files
    for file in files:
        assert re.fullmatch(r"[a-z0-9_=./-]+", str(file.relative_to(folder))), file
        metadata: Mapping[bytes, bytes] = pq.read_metadata(file).metadata or {}
        assert set(metadata) <= _METADATA, metadata
        about = metadata.get(b"factory.segment", b"{}").decode()
        assert re.fullmatch(r'[A-Za-z0-9 {}:",._-]*', about), about
    return files


def check_report(report: Mapping[str, Any], page: str) -> None:
    """The report is JSON, and its page has no element, attribute or character that a harmless report has not."""
    load_json(json.dumps(report, ensure_ascii=False, default=str))
    page.encode()
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", page)
    parts = read_parts(page)
    assert parts <= allowed_parts(), parts - allowed_parts()


def load_json(text: str) -> Any:
    """Read strict JSON: no NaN, no infinities."""

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


class _Parts(HTMLParser):
    """Collects (tag, attribute) of a page; href, src and event handlers with their values."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: set[tuple[str, ...]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.add((tag,))
        for name, value in attrs:
            told = (value or "",) if name in ("href", "src", "http-equiv") or name.startswith("on") else ()
            self.parts.add((tag, name, *told))

    def handle_decl(self, decl: str) -> None:
        self.parts.add(("declaration", decl.lower()))

    def unknown_decl(self, data: str) -> None:
        self.parts.add(("declaration", data))


def read_parts(page: str) -> set[tuple[str, ...]]:
    """The elements and attributes of a page."""
    assert "<!--" not in page and "<?" not in page
    parser = _Parts()
    parser.feed(page)
    parser.close()
    return parser.parts


@cache
def allowed_parts() -> frozenset[tuple[str, ...]]:
    """The elements and attributes that the templates themselves write."""
    root = Path(render_html.__code__.co_filename).parent
    assert build_report.__code__.co_filename == render_html.__code__.co_filename
    sources = sorted((root / "templates").glob("*.j2"))
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    parts: set[tuple[str, ...]] = set()
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    text = text.replace("<{{ tag }}", "<p")
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", text, flags=re.DOTALL)
    parts |= read_parts(text)
    return frozenset(
        parts
        | {(tag,) for tag in ("b", "div", "span")}
        | {(t, a) for t in ("b", "div", "span", "p") for a in ("dir", "class")}
    )
