"""Image prompt -> backdrop picture, by any engine: writes the prompts, and draws pictures of one size together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from factory.briefs.template_values import clean, describe_brief, describe_request
from factory.config.placements import IMAGE_PROMPT
from factory.config.templates import check_names, compile_template, render_block
from factory.engines.base import BackdropPrompt, ImageEngine, Pixels
from factory.errors import PictureError
from factory.images.backdrops.color_names import name_color
from factory.images.backdrops.procedural.engine import list_families
from factory.images.backdrops.start_images import paint_start
from factory.images.brand.colorways import Colorway
from factory.images.colors import write_hex
from factory.images.types import Cutout, PaintedBackdrop
from schemas.brief import Brief
from schemas.creative import Slot
from schemas.images import Backdrop as BackdropConfig
from schemas.layout import find_aspect
from schemas.outcome import Fields
from schemas.request import Request

MAX_PROMPT = 1_000  # characters of a prompt: text encoders read at most a few hundred tokens
WHERE = "images.backdrop.prompt"
_COLORS = ("ground", "panel", "accent")
# What a template can use beside a brief. Only the names count here.
_EXAMPLE = {
    "segment": {"name": "", "needs": ""},
    "locale": "",
    "language": "",
    "fields": {},
    "colors": dict.fromkeys(_COLORS, ""),
    "aspect": "",
}


@dataclass(frozen=True, slots=True, eq=False)
class BackdropOrder:
    """One backdrop to draw: for a picture slot, in a colourway, from a seed. Image to image starts from `product`."""

    slot: Slot
    colorway: Colorway
    seed: int
    prompt: str = ""
    product: Cutout | None = None


def check_prompt(config: BackdropConfig) -> None:
    """Raise JobError when the template of the prompt cannot be read, or uses an unknown name."""
    if config.engine == "procedural":
        list_families(config.prompt or "")
    elif config.written_by == "template":
        source = _wrap(config.prompt or "")
        compile_template(source, WHERE)
        bare = Brief(brief_id="example", product_name="example")
        check_names(source, WHERE, "prompt", _EXAMPLE | {"brief": describe_brief(bare, "en")})


def write_prompt(config: BackdropConfig, request: Request, fields: Fields, slot: Slot, colorway: Colorway) -> str:
    """Return the prompt of a picture: one line of at most MAX_PROMPT characters, from the job's template or the copy.

    A template sees `brief`, `segment`, `locale`, `language`, the copy's `fields`, the picture's `aspect` (landscape …) and
    `colors` (ground, panel, accent) in words, such as "dark green". Texts of a brief are data: markup and control characters
    are removed. Raises JobError when the template fails, PictureError when there is no prompt.
    """
    if config.engine == "procedural":
        return config.prompt or ""
    if config.written_by == "model":
        text = " ".join(fields.get(IMAGE_PROMPT.name, [])[:1])
    else:
        template = _compile(config.prompt or "")
        text = render_block(template, "prompt", _make_values(request, fields, slot, colorway), WHERE)
    prompt = clean(text)
    if len(prompt) > MAX_PROMPT:
        prompt = prompt[:MAX_PROMPT].rsplit(" ", 1)[0]
    if not prompt:
        what = (
            f"the copy has no text in {IMAGE_PROMPT.name}"
            if config.written_by == "model"
            else "the template wrote nothing"
        )
        raise PictureError("no_prompt", f"there is no prompt for a backdrop: {what}", f"see {WHERE}")
    return prompt


def draw_backdrop(
    engine: ImageEngine, config: BackdropConfig, slot: Slot, colorway: Colorway, seed: int, prompt: str = ""
) -> PaintedBackdrop:
    """Return one backdrop of the slot's size. Raises as the engine's `draw` does."""
    return _draw(engine, config, [BackdropOrder(slot, colorway, seed, prompt)])[0]


def draw_backdrops(
    engine: ImageEngine, config: BackdropConfig, orders: Sequence[BackdropOrder]
) -> list[PaintedBackdrop | PictureError]:
    """Return a backdrop for each order, or why there is none. Orders of one size are drawn together.

    If one picture of a batch fails, they are drawn again one by one, so that the others are not lost. Raises JobError and
    EngineError as the engine does.
    """
    places: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, order in enumerate(orders):
        places[order.slot.width, order.slot.height].append(place)
    results: dict[int, PaintedBackdrop | PictureError] = {}
    for same_size in places.values():
        results |= dict(zip(same_size, _try(engine, config, [orders[place] for place in same_size]), strict=True))
    return [results[place] for place in range(len(orders))]


def _try(
    engine: ImageEngine, config: BackdropConfig, orders: Sequence[BackdropOrder]
) -> list[PaintedBackdrop | PictureError]:
    try:
        return list(_draw(engine, config, orders))
    except PictureError as error:
        if len(orders) == 1:
            return [error]
    return [_try(engine, config, [order])[0] for order in orders]


def _draw(engine: ImageEngine, config: BackdropConfig, orders: Sequence[BackdropOrder]) -> list[PaintedBackdrop]:
    pictures = engine.draw([_make_prompt(config, order) for order in orders])
    return [
        PaintedBackdrop(pixels, engine.name, engine.model, order.seed, order.prompt)
        for pixels, order in zip(pictures, orders, strict=True)
    ]


def _make_prompt(config: BackdropConfig, order: BackdropOrder) -> BackdropPrompt:
    slot, colors = order.slot, order.colorway.colors
    start: Pixels | None = None
    if config.strength is not None and order.product is not None:
        start = paint_start(order.product, colors["ground"], slot.width, slot.height)
    return BackdropPrompt(
        prompt=order.prompt or (config.prompt or "" if config.engine == "procedural" else ""),
        negative_prompt=config.negative_prompt,
        width=slot.width,
        height=slot.height,
        seed=order.seed,
        colors={name: write_hex(color) for name, color in colors.items()},
        start=start,
    )


def _make_values(request: Request, fields: Fields, slot: Slot, colorway: Colorway) -> dict[str, Any]:
    return describe_request(request) | {
        "fields": {name: [clean(text) for text in texts] for name, texts in fields.items()},
        "colors": {name: name_color(color) for name, color in colorway.colors.items() if name in _COLORS},
        "aspect": find_aspect(slot.width, slot.height).value,
    }


def _wrap(source: str) -> str:
    return f"{{% block prompt %}}{source}{{% endblock %}}"


@lru_cache(maxsize=8)
def _compile(source: str) -> Any:
    return compile_template(_wrap(source), WHERE)
