"""Backdrops of many small or repeated parts: halftone, terrazzo, sunburst, confetti."""

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.backdrops.procedural.canvas import (
    Scene,
    fill,
    fill_ground,
    fill_many,
    lay,
    make_grid,
    spread_mask,
    trace_disc,
)


def draw_halftone(scene: Scene) -> Pixels:
    """Return a screen of dots that grow towards one corner or side and vanish before the middle."""
    tint = scene.palette.tint
    angle = scene.draw_between(0, 2 * np.pi)
    image = fill_ground(scene, tint("panel", 0.9), tint("accent", 0.3), angle)
    pitch = max(5, round(scene.unit * scene.draw_between(1.7, 2.6)))
    edge = 190 / (0.75 * pitch)  # levels per pixel
    step = np.arange(2 * pitch, dtype=np.float32) + 0.5
    near = np.minimum(np.abs(step - pitch / 2), np.abs(step - 1.5 * pitch))
    far = np.minimum(np.minimum(step, 2 * pitch - step), np.abs(step - pitch))
    one, other = np.hypot(near, near[:, None]), np.hypot(far, far[:, None])
    tile = np.minimum(np.minimum(one, other) * edge, 255).astype(np.uint8)[:pitch, :pitch]
    screen = np.tile(tile, (scene.height // pitch + 1, scene.width // pitch + 1))[: scene.height, : scene.width]
    x, y = make_grid(scene)
    along = (x / scene.width - 0.5) * np.cos(angle) + (y / scene.height - 0.5) * np.sin(angle)
    grown = np.clip((along - 0.02) / 0.5, 0, 1) ** 0.8 * 0.5 * pitch * edge
    dots = cv2.subtract(spread_mask(grown / 255, scene), np.ascontiguousarray(screen))
    mask = np.asarray(cv2.convertScaleAbs(dots, alpha=255 / edge), np.uint8)
    lay(image, mask, tint("accent", 1.3))
    return image


def draw_terrazzo(scene: Scene) -> Pixels:
    """Return stone chips of many sizes that do not overlap."""
    tint = scene.palette.tint
    image = fill_ground(scene, tint("panel", 0.5), tint("panel", 0.9), scene.draw_between(0, 6.3))
    shades = [tint("accent", 1.3), tint("accent", 0.6), tint("soft", 0.6), tint("panel", 1.0), tint("glow", 0.5)]
    sizes = np.repeat([4.2, 2.4, 1.1], [40, 90, 160]) * scene.unit
    radii = sizes * (0.6 + 0.6 * scene.rng.random(sizes.size))
    places = scene.rng.random((sizes.size, 2)) * (scene.width, scene.height)
    gaps = places[:, None] - places
    crowded = np.hypot(gaps[..., 0], gaps[..., 1]) < radii[:, None] * 1.15 + radii
    laid: list[int] = []
    for number in range(sizes.size):
        if not crowded[number, laid].any():
            laid.append(number)
    counts = scene.rng.integers(5, 9, size=len(laid))
    loose = scene.rng.random((2, len(laid), 8))
    angles = (loose[0] * 0.5 + np.arange(8)) * (2 * np.pi / counts[:, None])
    reach = radii[laid, None] * (0.62 + 0.38 * loose[1])
    chips = places[laid, None] + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=2)
    picks = scene.rng.integers(len(shades), size=len(laid)).tolist()
    fill_many(image, chips, counts.tolist(), [shades[pick] for pick in picks])
    return image


def draw_sunburst(scene: Scene) -> Pixels:
    """Return rays that fade outwards from one point, with a glow there: for promotions."""
    tint = scene.palette.tint
    x, y = make_grid(scene)
    centre_x = scene.width * scene.draw_between(0.3, 0.7)
    centre_y = scene.height * scene.draw_between(0.4, 0.8)
    image = fill_ground(scene, tint("deep", 0.7), tint("deep", 0.9), scene.draw_between(0, 6.3))
    count = 2 * int(scene.rng.integers(9, 15))
    turn = scene.draw_between(0, 6.3)
    mask = np.zeros((scene.height, scene.width), np.uint8)
    reach = 2 * scene.diagonal
    for number in range(count):
        angles = turn + 2 * np.pi * np.array([number, number + 0.5]) / count
        tips = np.stack([centre_x + reach * np.cos(angles), centre_y + reach * np.sin(angles)], axis=1)
        fill(mask, [[centre_x, centre_y], *tips], 255)
    distance = np.hypot(x - centre_x, y - centre_y) / scene.diagonal
    fade = spread_mask(np.clip(1.05 - 0.9 * distance, 0, 1), scene)
    lay(
        image,
        np.asarray(cv2.multiply(mask, fade, scale=1 / 255), np.uint8),
        tint("accent", 0.6 if scene.palette.is_dark else 1.3),
    )
    lay(image, spread_mask(0.9 * np.exp(-((distance / 0.22) ** 2)), scene), tint("glow", 1.0))
    return image


def draw_confetti(scene: Scene) -> Pixels:
    """Return confetti: strips, discs and triangles, dense at the rim, hardly any in the middle: for promotions."""
    tint = scene.palette.tint
    image = fill_ground(scene, tint("panel", 0.9), tint("accent", 0.35), scene.draw_between(0, 6.3))
    shades = [tint("accent", 1.9), tint("accent", 1.3), tint("soft", 0.8), tint("panel", 1.0), tint("accent", 0.8)]
    for _ in range(170):
        x, y = scene.rng.random(2)
        rim = max(abs(x - 0.5), abs(y - 0.5)) * 2
        if scene.rng.random() > rim**3:
            continue
        size = scene.draw_between(0.7, 1.7) * scene.unit * (1.7 if scene.toss(0.12) else 1)
        turn = scene.draw_between(0, 6.3)
        fill(
            image,
            _trace_piece(scene, x * scene.width, y * scene.height, size, turn),
            shades[int(scene.rng.integers(5))],
        )
    return image


def _trace_piece(scene: Scene, x: float, y: float, size: float, turn: float) -> np.ndarray:
    kind = scene.pick("strip", "strip", "disc", "triangle")
    if kind == "disc":
        return trace_disc(x, y, size * 0.6)
    if kind == "triangle":
        angles = turn + np.arange(3) * 2 * np.pi / 3
        return np.stack([x + size * np.cos(angles), y + size * np.sin(angles)], axis=1)
    box = np.array([[-1.0, -0.4], [1.0, -0.4], [1.0, 0.4], [-1.0, 0.4]]) * size
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(box @ spin + (x, y))
