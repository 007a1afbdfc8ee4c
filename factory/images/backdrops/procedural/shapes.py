"""Backdrops of a few large shapes: discs, ribbons, paper waves, and geometric blocks."""

import numpy as np

from factory.engines.base import Pixels
from factory.images.backdrops.procedural.canvas import Scene, cast_shadow, fill, fill_ground, trace_disc


def draw_discs(scene: Scene) -> Pixels:
    """Return large discs that overlap, most of them beyond the edge, with soft shadows on those below."""
    tint = scene.palette.tint
    image = fill_ground(scene, tint("deep", 0.12), tint("panel", 0.6), scene.draw_between(0, 6.3))
    size = 0.5 * (min(scene.width, scene.height) + 0.35 * max(scene.width, scene.height))
    turn = scene.draw_between(0, 2 * np.pi)
    shades = [("deep", 0.6), ("panel", 1.0), ("accent", 1.5), ("deep", 0.9)]
    for number in scene.rng.permutation(len(shades)).tolist():
        angle = turn + number * 2.4
        away = scene.draw_between(0.42, 0.6)
        x = scene.width * (0.5 + away * np.cos(angle))
        y = scene.height * (0.5 + away * np.sin(angle))
        ring = trace_disc(x, y, size * scene.draw_between(0.55, 1.05))
        cast_shadow(image, scene, ring + np.array([0, 0.8 * scene.unit]), 2.2 * scene.unit, 0.3)
        fill(image, ring, tint(*shades[number]))
    return image


def draw_ribbons(scene: Scene) -> Pixels:
    """Return slanted bands of different widths that cross the picture."""
    tint = scene.palette.tint
    lean = scene.draw_between(0.35, 0.8) * (1 if scene.toss() else -1)
    image = fill_ground(scene, tint("panel", 0.7), tint("deep", 0.3), scene.draw_between(0, 6.3))
    along = np.array([np.cos(np.pi / 2 + lean), np.sin(np.pi / 2 + lean)])
    across = np.array([-along[1], along[0]]) * -1
    centre = np.array([scene.width, scene.height]) / 2
    short = 0.75 * min(scene.width, scene.height) + 0.14 * max(scene.width, scene.height)
    at = -0.62 * scene.diagonal if scene.toss() else -0.5 * scene.diagonal
    shades = [("accent", 1.4), ("panel", 1.0), ("accent", 0.8), ("soft", 0.3), ("accent", 0.4)]
    number = int(scene.rng.integers(len(shades)))
    while at < 0.62 * scene.diagonal:
        width = scene.draw_between(0.1, 0.42) * short + scene.unit
        name, share = shades[number % len(shades)]
        number += 1
        reach = along * scene.diagonal
        start, end = centre + across * at, centre + across * (at + width)
        band = np.array([start - reach, start + reach, end + reach, end - reach])
        cast_shadow(image, scene, band, 1.6 * scene.unit, 0.35)
        fill(image, band, tint(name, share))
        at += width + (scene.draw_between(0.0, 0.5) * short if scene.toss(0.6) else 0)
    return image


def draw_waves(scene: Scene) -> Pixels:
    """Return layers like cut paper with gently waved edges, from one side of the picture inwards."""
    tint = scene.palette.tint
    tall = scene.height > 1.3 * scene.width or scene.toss(0.75)
    tall = tall and scene.width < 4 * scene.height  # a wave along a leaderboard would look like a stripe
    length, depth = (scene.width, scene.height) if tall else (scene.height, scene.width)
    image = fill_ground(scene, tint("panel", 0.8), tint("deep", 0.15), np.pi / 2 if tall else 0.0)
    from_end = scene.toss(0.7)
    layers = 4
    first, last = scene.draw_between(0.42, 0.55), scene.draw_between(0.84, 0.92)
    place = np.linspace(-0.05, 1.05, 90)
    slow, quick = scene.draw_between(0, 6.3), scene.draw_between(0, 6.3)
    for number in range(layers):
        share = number / (layers - 1)
        swing = scene.draw_between(0.05, 0.09) * (1.1 - 0.5 * share)
        bend = np.sin(2 * np.pi * place * 0.85 + slow + 1.1 * number) + 0.4 * np.sin(
            2 * np.pi * place * 1.7 + quick - 0.8 * number
        )
        edge = (first + (last - first) * share + swing * bend) * depth
        edge, wall = (edge, 1.3 * depth) if from_end else (depth - edge, -0.3 * depth)
        line = np.stack([place * length, edge], axis=1)
        sheet = np.concatenate([line, [[1.05 * length, wall], [-0.05 * length, wall]]])
        sheet = sheet if tall else sheet[:, ::-1]
        cast_shadow(image, scene, sheet, 1.8 * scene.unit, 0.4)
        fill(image, sheet, tint("accent", 0.35 + 1.1 * share) if number != 1 else tint("soft", 0.25))
    return image


def draw_blocks(scene: Scene) -> Pixels:
    """Return a border of geometric tiles (quarter discs, half discs, triangles, rings) along one side of a plain ground."""
    tint = scene.palette.tint
    image = fill_ground(scene, tint("deep", 0.06), tint("panel", 0.9), scene.draw_between(0, 6.3))
    wide = scene.width >= scene.height
    along, across = max(scene.width, scene.height), min(scene.width, scene.height)
    count = max(2, round(across / (along / 6))) if along < 3 * across else 2
    cell = across / count
    deep = 2 if along / cell < 9 else max(2, round(along / cell / 4))
    flip = scene.toss()
    shades = [tint("accent", 1.6), tint("accent", 1.0), tint("panel", 1.0), tint("soft", 0.5), tint("accent", 0.45)]
    for row in range(count):
        for column in range(deep):
            if column == deep - 1 and scene.toss(0.45):
                continue  # a ragged inner edge
            start = along - (column + 1) * cell if flip else column * cell
            x, y = (start, row * cell) if wide else (row * cell, start)
            paper, ink = (shades[index] for index in scene.rng.permutation(len(shades))[:2])
            square = np.array([[x, y], [x + cell, y], [x + cell, y + cell], [x, y + cell]])
            fill(image, square, paper)
            _draw_motif(scene, image, square, cell, ink, paper)
    return image


def _draw_motif(
    scene: Scene,
    image: Pixels,
    square: np.ndarray,
    cell: float,
    ink: tuple[int, int, int],
    paper: tuple[int, int, int],
) -> None:
    corner = int(scene.rng.integers(4))
    x, y = square[corner]
    inward = square[(corner + 2) % 4] - square[corner]
    start = float(np.arctan2(inward[1], inward[0])) - np.pi / 4
    middle = square.mean(axis=0)
    motif = scene.pick("quarter", "quarter", "half", "triangle", "rings", "disc", "plain")
    if motif == "quarter":
        fill(image, [[x, y], *trace_disc(x, y, cell, start, np.pi / 2)], ink)
    elif motif == "half":
        base = (square[corner] + square[(corner + 1) % 4]) / 2
        turn = float(np.arctan2(*(middle - base)[::-1])) - np.pi / 2
        fill(image, trace_disc(base[0], base[1], cell / 2, turn, np.pi), ink)
    elif motif == "triangle":
        fill(image, square[[corner, (corner + 1) % 4, (corner + 2) % 4]], ink)
    elif motif == "rings":
        for number, color in enumerate((ink, paper, ink, paper)):
            radius = cell * (1 - number * 0.25)
            fill(image, [[x, y], *trace_disc(x, y, radius, start, np.pi / 2)], color)
    elif motif == "disc":
        fill(image, trace_disc(middle[0], middle[1], cell * 0.34), ink)
