"""The picture that an image-to-image pipeline starts from: the product on its colourway's ground."""

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.colors import Color
from factory.images.types import Cutout

SHARE = 0.62  # of each side that the product may take: the rest is for what is drawn around it


def paint_start(product: Cutout, ground: Color, width: int, height: int) -> Pixels:
    """Return the product in the middle of a plain ground, RGB of `width` x `height`."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = ground
    rows, columns = product.pixels.shape[:2]
    scale = min(SHARE * width / columns, SHARE * height / rows)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    whole = product.pixels.astype(np.float32)
    cover = whole[..., 3:] / 255
    # Premultiplied: otherwise the colours of transparent pixels would bleed into the edge.
    ready = np.concatenate([whole[..., :3] * cover, cover], axis=2)
    small = cv2.resize(ready, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    part = image[top : top + size[1], left : left + size[0]]
    part[:] = np.rint(np.clip(small[..., :3] + part * (1 - small[..., 3:]), 0, 255)).astype(np.uint8)
    return image
