"""Backdrops without hard edges: mesh gradients, a lit studio, window light, and blurred lights."""

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.backdrops.procedural.canvas import (
    Floats,
    Scene,
    blend,
    fill_ground,
    lay,
    make_grid,
    soften,
    spread,
    spread_mask,
)


def draw_mesh(scene: Scene) -> Pixels:
    """Return a mesh gradient: a few wide clouds of colour, bent a little so that none is a plain circle."""
    x, y = make_grid(scene)
    long = max(scene.width, scene.height)
    bend = scene.draw_between(0.04, 0.1) * long
    phase, other = scene.draw_between(0, 6.3), scene.draw_between(0, 6.3)
    wave = 2 * np.pi * scene.draw_between(0.7, 1.3) / long
    x, y = x + bend * np.sin(y * wave + phase), y + bend * np.sin(x * wave + other)
    tints = [("accent", 1.5), ("panel", 1.0), ("deep", 1.0), ("glow", 1.0), ("soft", 0.4), ("accent", 0.6)]
    spread_of = scene.draw_between(0.22, 0.3) * long
    turn = scene.draw_between(0, 2 * np.pi)
    layers = [(scene.palette.ground, np.full(x.shape, 0.12, np.float32))]
    for number, (name, share) in enumerate(tints):
        angle = turn + number * 2.4  # the golden angle: neighbours in the list are far apart
        away = scene.draw_between(0.35, 0.62)
        centre_x = scene.width * (0.5 + away * np.cos(angle))
        centre_y = scene.height * (0.5 + away * np.sin(angle))
        distance = (x - centre_x) ** 2 + (y - centre_y) ** 2
        layers.append((scene.palette.tint(name, share), np.exp(-distance / (2 * spread_of**2)).astype(np.float32)))
    return spread(blend(layers), scene)


def draw_studio(scene: Scene) -> Pixels:
    """Return a photographer's cove: a wall with a spot of light that runs into a floor with a pool of light."""
    x, y = make_grid(scene)
    horizon = scene.height * scene.draw_between(0.6, 0.74)
    cove = scene.height * scene.draw_between(0.02, 0.08)
    floor = 1 / (1 + np.exp(-(y - horizon) / cove))
    spot_x = scene.width * scene.pick_number(0.3, 0.5, 0.7)
    reach = 0.55 * min(scene.diagonal, 1.6 * min(scene.width, scene.height) + 0.25 * max(scene.width, scene.height))
    glow = np.exp(-((x - spot_x) ** 2 + (1.15 * (y - horizon * 0.6)) ** 2) / (2 * (0.6 * reach) ** 2))
    pool = np.exp(-(((x - spot_x) / (0.62 * reach)) ** 2 + ((y - horizon * 1.1) / (0.16 * scene.height)) ** 2))
    wall, ground = (scene.palette.tint(*shade) for shade in (("deep", 1.1), ("deep", 0.8)))
    light = scene.palette.tint("glow", 0.85)
    layers = [
        (wall, (1 - floor) * (1.05 - glow)),
        (scene.palette.tint("panel", 1.0), (1 - floor) * glow * 0.7),
        (light, (1 - floor) * glow**2 * 0.9),
        (ground, floor),
        (light, floor * pool * 0.9),
        (scene.palette.tint("shade", 0.6), floor * (y - horizon) / scene.height * 0.5 * (y > horizon)),
        (scene.palette.tint("shade", 0.8), np.exp(-(((y - horizon) / (1.2 * cove)) ** 2)) * 0.12),
    ]
    return spread(blend([(color, np.asarray(weight, np.float32)) for color, weight in layers]), scene)


def draw_window(scene: Scene) -> Pixels:
    """Return a plain wall with the light of a window on it, divided by the window's bars."""
    image = fill_ground(
        scene, scene.palette.tint("deep", 0.5), scene.palette.tint("deep", 1.1), scene.draw_between(0.4, 1.2)
    )
    x, y = make_grid(scene, 200)
    side = 0.5 * (min(scene.width, scene.height) + 0.45 * max(scene.width, scene.height))
    lean = scene.draw_between(0.35, 0.7) * (1 if scene.toss() else -1)
    centre_x = scene.width * scene.draw_between(0.35, 0.65)
    centre_y = scene.height * scene.draw_between(0.4, 0.6)
    across = (x - centre_x + lean * (y - centre_y)) / side  # the window's own axes, slanted by the sun
    down = (y - centre_y + 0.18 * lean * (x - centre_x)) / side
    columns, rows = 2 + int(scene.rng.integers(2)), 3
    wide, high = 0.95, 1.35
    panes = np.ones(x.shape, np.float32)
    for place, count, length in ((across, columns, wide), (down, rows, high)):
        cell = (place / length + 0.5) * count
        bar = np.abs(cell - np.rint(cell)) < 0.07
        panes *= (np.abs(place) < length / 2) & ~bar
    lit = soften(panes, scene, 0.9 * scene.unit)
    lit *= 1 - 0.35 * np.clip(down + 0.5, 0, 1)  # light fades towards the floor
    lay(image, spread_mask(lit * 0.8, scene), scene.palette.tint("glow", 1.0))
    if not scene.palette.is_dark:  # on a ground that is nearly white, the wall around has to be darker
        lay(
            image,
            spread_mask((1 - soften(panes, scene, 3 * scene.unit)) * 0.2, scene),
            scene.palette.tint("shade", 0.6),
        )
    return image


def draw_bokeh(scene: Scene) -> Pixels:
    """Return lights out of focus: round, faint, brighter at the rim, most of them along one diagonal."""
    angle = scene.draw_between(0.3, 1.2)
    image = fill_ground(scene, scene.palette.tint("deep", 0.9), scene.palette.tint("panel", 0.8), angle)
    scale = 256 / max(scene.width, scene.height)
    columns, rows = max(8, round(scene.width * scale)), max(8, round(scene.height * scale))
    flip = scene.toss()
    for name, count, blur, share in (("accent", 8, 2.2, 0.8), ("glow", 11, 0.9, 0.75), ("panel", 6, 1.3, 0.6)):
        lights = np.zeros((rows, columns), np.float32)
        one = np.zeros_like(lights)
        for _ in range(count):
            along, off = scene.rng.random(), (scene.rng.random() + scene.rng.random() - 1) * 0.55
            place_x, place_y = along, (along if flip else 1 - along) + off
            size = round((2.0 + 9.0 * scene.rng.random() ** 2) * scene.unit * scale * 16)
            centre = (round(place_x * columns * 16), round(place_y * rows * 16))
            weight = scene.draw_between(0.25, 0.6)
            one.fill(0)
            cv2.circle(one, centre, size, weight, -1, cv2.LINE_AA, 4)
            cv2.circle(one, centre, size, weight * 1.35, 1, cv2.LINE_AA, 4)
            lights += one * (1 - lights)
        blurred: Floats = np.asarray(cv2.GaussianBlur(lights, (0, 0), blur), np.float32)
        lay(image, spread_mask(blurred * share, scene), scene.palette.tint(name, 1.2))
    return image
