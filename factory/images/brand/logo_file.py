"""A logo's file -> RGBA pixels, trimmed to what can be seen, so that clear space is measured from the logo itself."""

import io
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from factory.engines.base import Pixels
from factory.errors import JobError

MAX_PIXELS = 4_000_000  # 2000 x 2000: more than any creative shows
MIN_SIDE = 16
FORMATS = ("PNG", "WEBP")

_SEEN = 8  # of 255: less alpha than this counts as transparent


def decode_logo(data: bytes, where: str) -> Pixels:
    """Return the picture as RGBA with straight alpha, without its transparent margin.

    `where` names the file in messages. Raises JobError for what is no PNG or WebP, is damaged, has more than 4 megapixels,
    has no visible pixel, or is too small.
    """
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            width, height = image.size
            if width * height > MAX_PIXELS:
                message = f"{where}: is {width} x {height} pixels, above {MAX_PIXELS:,} in all"
                raise JobError(message, "export it smaller: 1000 pixels in width are plenty")
            pixels = np.asarray(image.convert("RGBA"))
    except JobError:
        raise
    except Exception as error:  # on a damaged file the decoders may raise anything
        # For an unknown format Pillow's message names its own buffer, which helps nobody.
        detail = "" if isinstance(error, UnidentifiedImageError) else f" ({' '.join(str(error).split())[:100]})"
        raise JobError(f"{where}: is no PNG or WebP that can be read{detail}", "export the logo again") from error
    rows, columns = (np.flatnonzero((pixels[..., 3] >= _SEEN).any(axis)) for axis in (1, 0))
    if not len(rows):
        raise JobError(f"{where}: every pixel is transparent", "export the logo again")
    trimmed = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if min(trimmed.shape[:2]) < MIN_SIDE:
        height, width = trimmed.shape[:2]
        message = f"{where}: what can be seen of it is {width} x {height} pixels"
        raise JobError(message, f"export it larger: {MIN_SIDE} pixels are the least, 200 in height look sharp")
    return np.ascontiguousarray(trimmed)
