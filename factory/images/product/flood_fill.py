"""Floods a picture from its border over all that is smooth and of the border's colour. The whole picture is looked at here.

A ground may fade, darken to its corners and carry soft shadows: on it, colour runs straight over some pixels. The outline of
a product does not. So the flood is stopped by fine detail (the difference to a blurred copy), which is near zero on a
ramp of any slope, and not by a distance from one colour.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from factory.engines.base import Pixels
from factory.images.product.confidence import Doubts
from factory.images.product.lab_planes import (
    Mask,
    Plane,
    Planes,
    label_parts,
    measure_detail,
    pick_parts,
    read_light,
    read_shades,
)

DETAIL = 1.5  # CIELAB units of fine detail that a ground may have
CHROMA = 8.0  # how far hue and saturation may be from the ground's
_CALM, _LOUDEST = 0.75, 2.0  # detail of a ground as usual; up to so many times more is taken for noise of the camera
_STRICT, _LOOSE = 1.1, 2.2  # the same flood with these limits of detail shows how sure its result is

_Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Flood:
    """What was flooded, in analysis pixels. `detail` is measured in units of the picture's own noise where that is strong."""

    lab: Planes
    detail: Plane
    mask: Mask


def flood_border(rgb: Pixels, doubts: Doubts) -> Flood | None:
    """Return the flood of a picture (height, width, 3); None where doubts leave no chance of a cut."""
    lab = read_shades(rgb)
    detail = measure_detail(lab)
    frame = _list_frame(detail.shape)
    noise = float(np.median(detail.ravel()[frame])) / _CALM
    detail /= np.float32(min(max(noise, 1.0), _LOUDEST))
    fits = _fit_border(lab, detail, frame)
    mask = _flood(detail, fits, frame, DETAIL)
    left = 1 - np.count_nonzero(mask) / mask.size
    if left < 0.005 or doubts.weigh(border=float(mask.ravel()[frame].mean())):
        return None
    stable = _compare(_flood(detail, fits, frame, _STRICT), _flood(detail, fits, frame, _LOOSE))
    return None if doubts.weigh(stable=stable) else Flood(lab, detail, mask)


def _list_frame(shape: tuple[int, ...]) -> _Places:
    """The two pixels along the border, as places in the flattened picture."""
    frame = np.ones(shape, bool)
    frame[2:-2, 2:-2] = False
    return np.flatnonzero(frame)


def _fit_border(lab: Planes, detail: Plane, frame: _Places) -> Mask:
    """Where a pixel may be the colour of the calm parts of the border, with any light on it."""
    calm = frame[detail.ravel()[frame] < DETAIL]
    base = [np.median(plane.ravel()[calm if len(calm) else frame]) for plane in lab]
    return read_light(lab, np.array(base, np.float32)).fits(1.6 * CHROMA)


def _flood(detail: Plane, fits: Mask, frame: _Places, limit: float) -> Mask:
    """Pixels that a smooth way leads to from a fair length of the border."""
    labels, count = label_parts((detail < limit) & fits, 4)
    counts = np.bincount(labels.ravel()[frame], minlength=count)
    keep = counts > 0.01 * len(frame)
    keep[0] = False
    return pick_parts(labels, keep)


def _compare(strict: Mask, loose: Mask) -> float:
    """Intersection over union of the two products that the floods left."""
    union = np.count_nonzero(~(strict & loose))
    return np.count_nonzero(~(strict | loose)) / union if union else 0.0
