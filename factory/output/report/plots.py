"""Geometry of the plots: numbers in, SVG coordinates out. The page's template draws them."""

import math
from typing import Any

WIDTH, HEIGHT = 320, 96  # SVG units of one histogram's plotting area
RING = 2 * math.pi * 42  # circumference of the share ring, radius 42


def draw_histogram(score: dict[str, Any]) -> dict[str, Any]:
    """Return bars of one score's spread: `candidates` behind, `assets` in front, on one scale.

    Each bar has its place, size and a title with its range and both counts; `description` says the plot in words.
    """
    behind, front = (score.get(kind) for kind in ("candidates", "assets"))
    bins = len((behind or front or {"bins": []})["bins"])
    back_bins = behind["bins"] if behind else [0] * bins
    front_bins = front["bins"] if front else [0] * bins
    top = max([1, *back_bins, *front_bins])
    step = WIDTH / max(1, bins)
    bars = []
    for index, (back, near) in enumerate(zip(back_bins, front_bins, strict=True)):
        title = f"{index / bins:.2f} to {(index + 1) / bins:.2f}: {back:,} candidates, {near:,} assets"
        bars.append({"x": round(index * step, 2), "width": round(step - 1.5, 2), "title": title,
                     "back": _bar(back, top), "front": _bar(near, top)})  # fmt: skip
    shown = front or behind
    words = f"mean {shown['mean']:.2f}, from {shown['low']:.2f} to {shown['high']:.2f}" if shown else "no values"
    return {
        "bars": bars,
        "description": f"{score['name']}: {words}",
        "top": top,
        "mean_x": round((shown["mean"] if shown else 0) * WIDTH, 2),
    }


def measure_segments(parts: list[tuple[str, str, float]]) -> list[dict[str, Any]]:
    """Return (key, label, value) parts as shares of a bar in percent, without the empty ones.

    A part that is there at all gets at least 1 %, so that one lost request is still seen; the largest gives it up.
    """
    parts = [part for part in parts if part[2] > 0]
    total = sum(value for _, _, value in parts)
    shares = [max(1.0, 100 * value / total) for _, _, value in parts]
    if shares:
        shares[shares.index(max(shares))] -= sum(shares) - 100
    return [
        {"key": key, "label": label, "value": value, "share": value / total, "width": round(width, 3)}
        for (key, label, value), width in zip(parts, shares, strict=True)
    ]


def _bar(count: int, top: int) -> dict[str, float]:
    height = round(max(1.5, HEIGHT * count / top), 2) if count else 0.0  # a bin of one stays visible beside thousands
    return {"y": round(HEIGHT - height, 2), "height": height}
