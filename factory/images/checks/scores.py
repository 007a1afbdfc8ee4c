"""How good a composition looks, by published rules: each score 0..1, most of them measured at a reduced size. No model.

A score that does not apply (such as one of the product, without a product) is None and is left out of the total.
"""

import cv2
import numpy as np

from factory.images.checks.context import CheckContext
from factory.images.checks.legibility import BEST, BEST_LARGE, GOOD_PX, NEEDED, NEEDED_LARGE
from factory.images.checks.pixels import convert_lab, measure_difference
from factory.images.checks.product import BLURRED
from factory.images.layouts.type_sizes import LEAST_LEGAL_PX, LEAST_PX, find_scale
from factory.images.types import Box

VIVID = 82.0  # Hasler and Süsstrunk's colourfulness of pictures that people called highly colourful
BRAND_DISTANCE = 20.0  # in CIE Lab: such colours go by the same name
BRAND_SHARE = 0.25  # share of the picture in the brand's colours from which more is no better
CALM = 6.0  # CIE lightness by which neighbouring pixels may differ in a calm part
SALIENT_SHARE = 0.6  # share of saliency on the product from which more is no better: the words should be seen too
_SHARP = 0.3  # blur effect of photos that people call sharp (Crété-Roffet et al. 2007)


def score_contrast(ctx: CheckContext) -> float | None:
    """The contrast of the worst text: 0.5 at WCAG level AA, 1 at AAA (WCAG 2.2, 1.4.3 and 1.4.6)."""
    found = []
    for text, contrast in zip(ctx.composition.texts, ctx.contrasts, strict=True):
        if contrast is None:
            continue
        needed, best = (NEEDED_LARGE, BEST_LARGE) if text.is_large else (NEEDED, BEST)
        found.append(float(np.interp(contrast, [1.0, needed, best], [0.0, 0.5, 1.0])))
    return min(found, default=None)


def score_text_size(ctx: CheckContext) -> float | None:
    """How far texts are above the least size where the picture is shown: 1 from 11 CSS pixels on, a legal line from 8.8."""
    scale, found = find_scale(ctx.slot.width, ctx.slot.height), []
    for text in ctx.composition.texts:
        least = LEAST_LEGAL_PX if text.slot == "legal" else LEAST_PX
        good = GOOD_PX * least / LEAST_PX
        found.append(float(np.interp(text.font_px / scale, [least, good], [0.0, 1.0])))
    return min(found, default=None)


def score_balance(ctx: CheckContext) -> float:
    """How near the centre of visual weight is to the picture's centre, across and down: 1 at it, 0 at an edge.

    After Lok, Feiner and Ngai, Evaluation of visual balance for automated layout (IUI 2004): a pixel weighs as much as it
    differs from the ground, which is the median colour of the picture's edge.
    """
    lab = ctx.small_lab
    edge = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    weight = measure_difference(lab, np.median(edge, axis=0))
    total = float(weight.sum())
    if total <= 0:
        return 1.0
    high, wide = weight.shape
    x = float(weight.sum(axis=0) @ (np.arange(wide) + 0.5)) / total / wide
    y = float(weight.sum(axis=1) @ (np.arange(high) + 0.5)) / total / high
    return float(max(0.0, 1.0 - 2.0 * max(abs(x - 0.5), abs(y - 0.5))))


def score_space(ctx: CheckContext) -> float:
    """How much of the picture is calm: 1 between 25 and 65 %, less where it is crowded or bare.

    Coursaris and Kripintris, Web aesthetics and usability (IJEBR 2012), found 25 to 50 % of white space best. Calm is where
    lightness hardly changes from pixel to pixel. That includes plain parts of a product, hence the wider range.
    """
    light = ctx.small_lab[..., 0]
    change = np.maximum(np.abs(cv2.Sobel(light, cv2.CV_32F, 1, 0)), np.abs(cv2.Sobel(light, cv2.CV_32F, 0, 1))) / 4
    # The gaps between the letters of a line are no white space.
    busy = cv2.dilate(np.asarray(change > CALM, np.uint8), np.ones((5, 5), np.uint8))
    return float(np.interp(1.0 - float(busy.mean()), [0.0, 0.25, 0.65, 1.0], [0.0, 1.0, 1.0, 0.3]))


def score_saliency(ctx: CheckContext) -> float | None:
    """How much the product draws the eye: its box's share of the picture's saliency, 1 from three fifths on.

    By the spectral residual (Hou and Zhang 2007, https://doi.org/10.1109/CVPR.2007.383267).
    """
    box = ctx.product_box
    if box is None:
        return None
    done, found = cv2.saliency.StaticSaliencySpectralResidual.create().computeSaliency(ctx.small)
    total = float(found.sum()) if done else 0.0
    if total <= 0:
        return 0.0
    rows, columns = _scale_box(box, ctx, found.shape)
    return min(1.0, float(found[rows, columns].sum()) / total / SALIENT_SHARE)


def score_sharpness(ctx: CheckContext) -> float | None:
    """How sharp the product is, by the blur effect (Crété-Roffet et al. 2007): 1 as in sharp photos, 0 where the check fails."""
    if ctx.composition.product is None:
        return None
    blur = ctx.product_blur
    return 1.0 if blur is None else float(np.interp(blur, [_SHARP, BLURRED], [1.0, 0.0]))


def score_colorfulness(ctx: CheckContext) -> float:
    """How colourful the picture is (Hasler and Süsstrunk 2003, https://doi.org/10.1117/12.477378), 1 from "highly" on.

    It is the standard deviation in the plane of red-green and yellow-blue, plus 0.3 times the mean's distance from its origin.
    """
    red, green, blue = (ctx.small[..., channel].astype(np.float32) for channel in range(3))
    first, second = red - green, 0.5 * (red + green) - blue
    spread = float(np.hypot(first.std(), second.std()))
    return min(1.0, (spread + 0.3 * float(np.hypot(first.mean(), second.mean()))) / VIVID)


def score_brand(ctx: CheckContext) -> float | None:
    """How much of the picture is within 20 of the brand's colours in CIE Lab (CIE76): 1 from a quarter on."""
    colors = ctx.composition.brand_colors
    if not colors:
        return None
    named = convert_lab(np.array([colors], np.uint8))[0]
    nearest = np.minimum.reduce([measure_difference(ctx.small_lab, color) for color in named])
    return min(1.0, float((nearest <= BRAND_DISTANCE).mean()) / BRAND_SHARE)


def score_fit(ctx: CheckContext) -> float:
    """How many of the possible texts are set, and how near to the size that the layout has for them."""
    composition = ctx.composition
    there = {text.slot for text in composition.texts}
    wanted = composition.wanted or tuple(there)
    said = sum(name in there for name in wanted) / len(wanted) if wanted else 1.0
    return float(np.clip(composition.fit * said, 0.0, 1.0))


def _scale_box(box: Box, ctx: CheckContext, shape: tuple[int, ...]) -> tuple[slice, slice]:
    across, down = shape[1] / ctx.frame.width, shape[0] / ctx.frame.height
    left, top = int(box.x * across), int(box.y * down)
    right, bottom = max(left + 1, round(box.right * across)), max(top + 1, round(box.bottom * down))
    return slice(top, bottom), slice(left, right)
