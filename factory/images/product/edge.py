"""The outline of a product: soft, and freed of the background's colour. Only a band along it changes, at the picture's own size.

A pixel's place between the colours on both sides says how much of it is product. These colours vary slowly, so they are taken
from the reduced picture and interpolated where they are needed.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from factory.engines.base import Pixels
from factory.images.product.background import Background

_BAND = 5  # pixels of the reduced picture inside the outline that may be mixed of product and background
_BLUR = 2.0  # pixels of the reduced picture: sigma of the average of the product's colours near an edge
_LEAST = 5.0  # CIELAB distance from the background, from which a colour is taken for the product's
_FAINT = 12.0  # distance in RGB of product and background, below which a mixed pixel is all background
_INSIDE, _MIXED = 2, 1
_ROW = 1024  # places in one row of the map for OpenCV's remap, which takes no side above 32767

_NEXT = np.ones((3, 3), np.uint8)
_SQUARE = np.ones((2 * _BAND + 1,) * 2, np.uint8)
_AROUND = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _BAND + 1,) * 2), np.uint8)

_Floats = npt.NDArray[np.float32]


def paint_edge(pixels: Pixels, small: Pixels, background: Background) -> Pixels:
    """Return the part of a picture around the product, RGBA: alpha 0 on the background, 255 inside, and by colour between.

    `small` (RGB) is the reduced picture in which the background was found.
    """
    height, width = pixels.shape[:2]
    zones = cv2.resize(_zone(background), (width, height), interpolation=cv2.INTER_NEAREST)
    left, top, across, down = cv2.boundingRect(zones)
    zones = np.ascontiguousarray(zones[top : top + down, left : left + across])
    painted = pixels[top : top + down, left : left + across].copy()
    painted[..., 3] = np.where(zones == _INSIDE, np.uint8(255), np.uint8(0))
    flat, band = painted.reshape(-1, 4), np.flatnonzero(zones == _MIXED)
    x, y = band % across + left, band // across + top
    scale = small.shape[1] / width, small.shape[0] / height
    places = np.stack([(x + 0.5) * scale[0] - 0.5, (y + 0.5) * scale[1] - 0.5]).astype(np.float32)
    color = flat[band, :3].astype(np.float32)
    flat[band] = _mix(color, *_read_sides(color, small, background, places))
    return painted


def _zone(background: Background) -> Pixels:
    """0 on the background, 1 in the band, 2 inside, in pixels of the reduced picture."""
    product = (~background.mask[background.box]).view(np.uint8)
    zones = np.zeros(background.mask.shape, np.uint8)
    zones[background.box] = cv2.dilate(product, _NEXT) + cv2.erode(product, _AROUND)
    return zones


def _read_sides(color: _Floats, small: Pixels, background: Background, places: _Floats) -> tuple[_Floats, _Floats]:
    """The colours (RGB) of the background and of the product at each place; its own `color` where no product is near.

    The product's colour is that of the pixels around which are farthest from the background's.
    """
    box = background.box
    places = places - np.array([[box[1].start], [box[0].start]], np.float32)
    behind = _sample(cv2.merge(list(background.color)), places)[None]
    behind = cv2.cvtColor(behind, cv2.COLOR_LAB2RGB)[0] * np.float32(255)
    reach = cv2.dilate(background.distance, _SQUARE)
    strong = (background.distance > 0.75**2 * reach) & (background.distance > _LEAST**2)
    full = cv2.cvtColor(cv2.copyTo(small[box], strong.view(np.uint8)), cv2.COLOR_RGB2RGBA)
    full[..., 3] = strong
    found = _sample(cv2.GaussianBlur(full.astype(np.float32), (0, 0), _BLUR), places)
    weight = found[:, 3:]
    front = np.where(weight > 1e-4, found[:, :3] / np.maximum(weight, np.float32(1e-4)), color)
    return behind, front


def _sample(image: npt.NDArray[Any], places: _Floats) -> _Floats:
    """The image's values at places (x, y) that lie between its pixels: (places, channels)."""
    count = places.shape[1]
    padded = np.pad(places, ((0, 0), (0, -count % _ROW)), mode="edge").reshape(2, -1, _ROW)
    found = cv2.remap(image, padded[0], padded[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, image.shape[2])[:count], np.float32)


def _mix(color: _Floats, behind: _Floats, front: _Floats) -> Pixels:
    """RGBA of pixels whose `color` is a mixture of what is behind and what is in front."""
    axis, away = front - behind, color - behind
    length = np.einsum("ij,ij->i", axis, axis)
    share = np.where(length > _FAINT**2, np.einsum("ij,ij->i", away, axis) / np.maximum(length, 1), 0)
    share = np.clip((share - 0.08) / 0.8, 0, 1)  # noise on either side is no mixture
    mixed = np.column_stack([color, share * 255])
    soft = np.flatnonzero(share < 1)
    alpha = share[soft, None]
    freed = (color[soft] - (1 - alpha) * behind[soft]) / np.maximum(alpha, 0.1)
    mixed[soft, :3] = freed * alpha + front[soft] * (1 - alpha)
    return np.asarray(np.rint(np.clip(mixed, 0, 255)), np.uint8)
