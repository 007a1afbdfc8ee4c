"""Floods a picture from its border over everything that is smooth and of the border's colour. It sees the whole picture.

A background may fade, darken towards its corners and carry soft shadows: over a few pixels its colour changes evenly. At the
outline of a product it does not. So the flood is not stopped by a distance from one colour but by fine detail, the difference
from a blurred copy, which is near zero on an even ramp of any slope.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from factory.engines.base import Pixels
from factory.images.product.confidence import Confidence
from factory.images.product.lab_planes import (
    Mask,
    Plane,
    Planes,
    label_parts,
    measure_detail,
    pick_parts,
    read_lab,
    read_light,
)

DETAIL = 1.5  # CIELAB units of fine detail that a background may have
CHROMA = 8.0  # how far hue and saturation may be from the background's
_CALM, _LOUDEST = 0.75, 2.0  # the usual detail of a background; up to this many times more is taken for camera noise
_STRICT, _LOOSE = 1.1, 2.2  # flooding again with these limits of detail shows how certain the result is

_Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Flood:
    """What was flooded, in pixels of the reduced picture. `detail` is relative to the picture's own noise if that is strong."""

    lab: Planes
    detail: Plane
    mask: Mask


def flood_border(rgb: Pixels, confidence: Confidence) -> Flood | None:
    """Return the flood of a picture (height, width, 3), and add to the confidence; None where this rules a cut out."""
    lab = read_lab(rgb)
    detail = measure_detail(lab)
    frame = _list_frame(detail.shape)
    noise = float(np.median(detail.ravel()[frame])) / _CALM
    detail /= np.float32(min(max(noise, 1.0), _LOUDEST))
    fits = _fit_border(lab, detail, frame)
    mask = _flood(detail, fits, frame, DETAIL)
    left = 1 - np.count_nonzero(mask) / mask.size
    if left < 0.005:
        confidence.add(area=left)
        return None
    if confidence.add(border=float(mask.ravel()[frame].mean())):
        return None
    stable = _compare(_flood(detail, fits, frame, _STRICT), _flood(detail, fits, frame, _LOOSE))
    return None if confidence.add(stable=stable) else Flood(lab, detail, mask)


def _list_frame(shape: tuple[int, ...]) -> _Places:
    """The outer two pixels along the border, as places in the flattened picture."""
    frame = np.ones(shape, bool)
    frame[2:-2, 2:-2] = False
    return np.flatnonzero(frame)


def _fit_border(lab: Planes, detail: Plane, frame: _Places) -> Mask:
    """Where a pixel may have the colour of the calm parts of the border, in any light."""
    calm = frame[detail.ravel()[frame] < DETAIL]
    base = [np.median(plane.ravel()[calm if len(calm) else frame]) for plane in lab]
    return read_light(lab, np.array(base, np.float32)).fits(1.6 * CHROMA)


def _flood(detail: Plane, fits: Mask, frame: _Places, limit: float) -> Mask:
    """Pixels that are reached without a break from a fair length of the border."""
    labels, count = label_parts((detail < limit) & fits, 4)
    counts = np.bincount(labels.ravel()[frame], minlength=count)
    keep = counts > 0.01 * len(frame)
    keep[0] = False
    return pick_parts(labels, keep)


def _compare(strict: Mask, loose: Mask) -> float:
    """Intersection over union of the two products that the floods leave."""
    union = np.count_nonzero(~(strict & loose))
    return np.count_nonzero(~(strict | loose)) / union if union else 0.0
