"""What to do about pictures: cures for rules that reject creatives, fixes for refused product pictures, and hints."""

from typing import Any

_GOOD_SHARE = 0.9  # of creatives: below it the reason that costs most is worth work
_FEW_TRIES = 10  # below this many a layout cannot be called useless

# Beginnings of a rule's name -> what usually cures it. The first line that matches holds.
_CURES = (
    (
        "copy_too overflow inside overlap",
        "The copy has no room in the layout. Ask for shorter variants in the text template, or add a layout that gives "
        "texts more room.",
    ),
    ("missing_slot text_present", "The layout needs a text that copy and brief do not have: fill it in the brief."),
    (
        "missing_glyph glyph",
        "No font of the brand kit has these characters: add a font that has them, a Noto font of the script for example.",
    ),
    (
        "contrast logo_contrast text_painted",
        "Text or logo is too near in colour to its ground: check the brand kit's colours, or give the layout a panel "
        "behind it.",
    ),
    ("text_size", "Text came out too small to read: ask for shorter copy, or use a layout with fewer texts."),
    ("text_overlay", "The channel wants less text on the picture: use a layout with fewer texts."),
    ("safe_zone", "The channel covers this edge: keep the layout inside its --safe-top … --safe-left."),
    (
        "file_weight over_budget",
        "The file is over the channel's budget: allow webp or avif in images.formats where the channel takes it, or use "
        "a calmer backdrop.",
    ),
    (
        "product_sharp product_size product_fill",
        "The product is too small or too soft: give a larger, sharper product picture, or a layout that shows it larger.",
    ),
    ("product no_placeholder photo", "Look at the product picture: it has to stay as it was photographed."),
    (
        "brand logo",
        "The layout leaves the brand no room: give it a #logo box with clear space, or check the brand kit.",
    ),
    ("legal", "The legal line does not fit: shorten it in the brief, or use a layout with a legal slot."),
    (
        "no pure visible exact size",
        "This is a house rule of the channel: use layouts made for this kind of slot (role main or lifestyle).",
    ),
    ("file stamp", "The finished file broke a rule of the channel: look at the detail, then at images.formats."),
)
_CURE_DEFAULT = "Look at the example on the contact sheet, then change the layout or the brand kit."

_RETRY = "then run factory retry on this output."
# Reasons that a product picture or a backdrop was refused for, as `PictureError` names them -> what to do.
_FIXES = {
    "bad_address encoded redirect_loop too_many_redirects downgrade": "Correct the picture's address in the briefs, "
    "then run again.",
    "missing denied refused": f"Put the picture where its address leads, or correct the address; {_RETRY}",
    "outside_roots": "Add the folder or s3:// prefix to images.sources.roots if its pictures may be used, then run again.",
    "host_not_allowed private_address": "Add the host to images.sources.hosts if its pictures may be used, then run again.",
    "timeout unreachable cut_short host_failed unknown_host untrusted unreadable": "The pictures' host did not deliver. "
    "Run factory retry on this output when it does.",
    "too_small": f"Give larger product pictures, or lower images.sources.min_side; {_RETRY}",
    "too_large too_many_pixels": f"Give smaller files, or raise the limits in images.sources; {_RETRY}",
    "empty not_a_picture animated damaged": f"Upload the product picture again as a still JPEG, PNG or WebP; {_RETRY}",
    "out_of_memory": "Lower execution.images.batch_size or use a smaller backdrop model, then run factory retry on this output.",
    "process_died raised": "Run factory retry on this output. If it comes back, look at the log and report it.",
}
_FIX_BY_REASON = {reason: fix for reasons, fix in _FIXES.items() for reason in reasons.split()}
_FIX_DEFAULT = f"Fix the product picture (or its address in the briefs), {_RETRY}"


def cure_picture(rule: str) -> str:
    """Return what usually helps against creatives rejected by `rule`."""
    return next((cure for beginnings, cure in _CURES if rule.startswith(tuple(beginnings.split()))), _CURE_DEFAULT)


def fix_picture(reason: str) -> str:
    """Return how creatives that were quarantined for `reason` can be brought back."""
    return _FIX_BY_REASON.get(reason, _FIX_DEFAULT)


def hint_creatives(report: dict[str, Any]) -> list[dict[str, str]]:
    """Return hints, each with a `title` and a `text`, on the creatives of a report; none for a run without any."""
    if "creatives" not in report:
        return []
    made, counts, hints = report["creatives"], report["counts"], []
    left = counts["creatives_remaining"] + counts["creatives_unread"]
    if left and not counts["remaining"] and not counts["unread"]:
        title = f"Not done yet: {_count(left)} or their texts"
        hints.append(_hint(title, "Run the same command again: it resumes where it stopped."))
    share = made["accepted"]["share"]
    if made["rules"] and made["rules"][0]["lost"] and share is not None and share < _GOOD_SHARE:
        top = made["rules"][0]
        title = f"{top['name']} costs most creatives: {top['lost']:,} without a picture"
        hints.append(_hint(title, top["cure"]))
    if made["untried"]:
        text = (
            "No layout of the job serves their slot with the texts that they have, or the job requires a product picture "
            "and their brief names none. Add a layout for these sizes, or set images.require_product: false."
        )
        hints.append(_hint(f"Nothing could be tried for {_count(made['untried'])}", text))
    idle = [row for row in made["layouts"]["rows"] if not row["passed"] and row["tries"] >= _FEW_TRIES]
    for row in idle[:1]:
        title = f"Layout {row['name']} passed none of {row['tries']:,} tries"
        hints.append(_hint(title, f"Most often {row['trouble']}: correct the layout, or leave it out."))
    return hints


def _count(number: int) -> str:
    return f"{number:,} creative" if number == 1 else f"{number:,} creatives"


def _hint(title: str, text: str) -> dict[str, str]:
    return {"title": title, "text": text}
