"""What to do next: turns a report's numbers into a few plain sentences, the most useful first."""

import re
from typing import Any

from factory.output.report.image_advice import fix_picture, hint_creatives

MOST = 6  # more than this is not read

_GOOD_SHARE = 0.9  # below this the accepted share itself is worth work
_GAP = 0.15  # how far below the whole a placement must be to be named

# Beginnings of words in a rule's name -> what usually cures it. The first line that matches holds.
_RULE_CURES = (
    (
        "readable json cut",
        "The answer was cut or is no JSON: raise execution.text.max_model_len, or shorten the template.",
    ),
    (
        "grounding claim",
        "The copy says what the brief does not. Add the fact to the brief (price, offer, claims with evidence), or tell "
        "the template to use only given facts.",
    ),
    ("length short count", "Name the limit in the template, or allow one more repair with text.max_repairs."),
    ("include disclaimer", "Ask for the required words in the template, and check that they fit the limits."),
    ("avoid competitor trademark profan", "Look at the example: the listed word may be a common one."),
    ("language locale", "The model may not write this locale. Use one that does, or drop the locale."),
    ("leak echo prompt verbatim", "The model repeats its input. Shorten long descriptions, or use a stronger model."),
    ("unique repetition duplicate", "Items are too alike: raise text.sampling.temperature or text.candidates."),
    ("no max generic", "Name this house rule of the channel in the template."),
)
_RULE_DEFAULT = "Look at the example, then change the template's instruction or the brief."

_STAGE_FIXES = {
    "read": "Correct the row in the source, or map the column with columns: in the job; then run again.",
    "prepare": "Correct the locale, placement or segment that the detail names; then run again.",
    "prompt": "Shorten the brief's text or correct the template; then run again.",
    "text": "Run factory retry on this output. If it comes back, look at the engine's log.",
    "score": "Run factory retry on this output. If it comes back, the row's text breaks a scoring model.",
}


def cure_rule(rule: str) -> str:
    """Return what usually helps against rejections by `rule`."""
    words = re.split(r"[^a-z]+", rule.lower())
    for beginnings, cure in _RULE_CURES:
        if any(word.startswith(tuple(beginnings.split())) for word in words):
            return cure
    return _RULE_DEFAULT


def fix_refusal(stage: str, retryable: int, reason: str = "") -> str:
    """Return how rows that `stage` refused can be brought back; `retryable` is how many of them a retry may cure."""
    if stage == "images":
        return fix_picture(reason)
    fix = _STAGE_FIXES.get(stage, "Read the detail, correct the source, and run again.")
    if retryable and "factory retry" not in fix:
        return f"Run factory retry on this output. {fix}"
    return fix


def advise(report: dict[str, Any]) -> list[dict[str, str]]:
    """Return at most `MOST` hints, each with a `title` and a `text`, for a report that is complete but for them."""
    hints = [*_on_unfinished(report), *_on_copy(report), *hint_creatives(report), *_on_setup(report)]
    if not hints:
        hints = [
            _hint(
                "Nothing stands out",
                "The run is complete and most requests have an asset. Export or review them next.",
            )
        ]
    return hints[:MOST]


def _on_unfinished(report: dict[str, Any]) -> list[dict[str, str]]:
    counts, hints = report["counts"], []
    if not counts["planned"] and not counts["rows_read"]:
        hints.append(
            _hint("There was nothing to do", "No input row was read. Check the path in briefs: and any --limit.")
        )
    if counts["remaining"]:
        hints.append(
            _hint(
                f"Not done yet: {_count(counts['remaining'], 'request')}",
                "Run the same command again: it resumes where it stopped.",
            )
        )
    elif counts.get("unread"):
        hints.append(
            _hint(
                f"Not read yet: {_count(counts['unread'], 'input row')}",
                "Run the same command again: it resumes where it stopped.",
            )
        )
    quarantine = report["quarantine"]["reasons"]
    if quarantine:
        top = quarantine[0]
        title = f"Quarantined {_count(report['quarantine']['rows'], 'row')}, most often {top['reason']}"
        hints.append(_hint(title, top["fix"]))
    return hints


def _on_copy(report: dict[str, Any]) -> list[dict[str, str]]:
    hints, accepted = [], report["accepted"]
    rules, share = report["rejections"]["rules"], accepted["share"]
    if rules and (share is None or share < _GOOD_SHARE):
        top = rules[0]
        title = f"{top['name']} rejects most: {_count(top['candidates'], 'candidate')}, {_count(top['lost'], 'request')} lost"
        hints.append(_hint(title, top["cure"]))
    weak = [row for row in report["groups"]["placement"]["rows"] if share is not None and row["share"] < share - _GAP]
    for row in sorted(weak, key=lambda row: float(row["share"]))[:1]:
        title = f"{row['title']} is the weakest placement: {row['share']:.0%} accepted"
        hints.append(_hint(title, "Give it its own instruction in the template, or more candidates."))
    before = accepted["share_without_repair"]
    if share is not None and before is not None and share - before > _GAP:
        title = f"Repairs rescued {share - before:.0%} of the requests"
        hints.append(
            _hint(title, "Each repair is one more call to the engine. A clearer template makes the run cheaper.")
        )
    return hints


def _on_setup(report: dict[str, Any]) -> list[dict[str, str]]:
    hints, judge = [], report["judge"]
    if judge and judge["weight"] == 0:
        hints.append(
            _hint("The judge does not count", f"{judge['note']} A stronger model can judge; the other scores hold.")
        )
    missing = [row["name"] for row in report["scores"] if row["missing"] and row["weight"]]
    if missing:
        hints.append(
            _hint(
                f"Scores missing for some candidates: {', '.join(missing)}",
                "They left the total and were not read as zero.",
            )
        )
    if report["cost"]["total"] is None and report["accepted"]["assets"]:
        hints.append(_hint("No price is set, so cost is shown in seconds", report["cost"]["how"]))
    return hints


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _hint(title: str, text: str) -> dict[str, str]:
    return {"title": title, "text": text}
