"""A small WebP of a picture, for reports: what a rejected creative looked like."""

import io

import cv2
from PIL import Image

from factory.engines.base import Pixels


def make_thumbnail(pixels: Pixels, side: int = 256) -> bytes:
    """Return RGB `pixels` (height, width, 3) as a WebP whose longer side is at most `side` pixels. Same pixels, same bytes."""
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(width, height))
    # Area averaging is the only filter of OpenCV that reduces a picture without aliasing and ringing.
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    file = io.BytesIO()
    Image.fromarray(small).save(file, "WEBP", quality=70, method=2)
    return file.getvalue()
