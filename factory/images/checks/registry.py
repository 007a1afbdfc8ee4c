"""All checks and scores of pictures by id. A new one is one function and one line here; rules of slots are in `channel.py`."""

from collections.abc import Callable
from typing import NamedTuple

from factory.images.checks import brand, geometry, legibility, product, scores
from factory.images.checks.context import CheckContext

# For every creative, in this order: causes come before their effects.
CHECKS: dict[str, Callable[[CheckContext], str]] = {
    "text_present": legibility.find_missing_text,
    "glyphs": legibility.find_missing_glyph,
    "inside_picture": geometry.find_outside,
    "safe_zone": geometry.find_unsafe,
    "overlap": geometry.find_overlap,
    "overflow": geometry.find_overflow,
    "text_painted": legibility.find_unpainted,
    "text_size": legibility.find_small_text,
    "contrast": legibility.find_low_contrast,
    "product_size": product.find_small_product,
    "product_unchanged": product.find_changed_product,
    "product_sharp": product.find_blurred_product,
    "brand_present": brand.find_missing_brand,
    "logo_space": brand.find_crowded_logo,
    "logo_contrast": brand.find_hidden_logo,
    "legal_line": brand.find_cut_legal,
}


class Score(NamedTuple):
    """How to measure it (None where it does not apply), and its weight in the total."""

    measure: Callable[[CheckContext], float | None]
    weight: float


SCORES: dict[str, Score] = {
    "contrast": Score(scores.score_contrast, 2.0),
    "text_size": Score(scores.score_text_size, 1.5),
    "fit": Score(scores.score_fit, 2.0),
    "balance": Score(scores.score_balance, 1.0),
    "space": Score(scores.score_space, 1.0),
    "saliency": Score(scores.score_saliency, 1.5),
    "sharpness": Score(scores.score_sharpness, 1.0),
    "colorfulness": Score(scores.score_colorfulness, 0.5),
    "brand_colors": Score(scores.score_brand, 1.0),
}
