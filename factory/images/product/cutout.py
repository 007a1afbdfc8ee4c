"""The cut-out engines by name: what `images.product.cutout.engine` of a job may say. A new one is a file and a line here."""

import difflib
from collections.abc import Callable
from functools import lru_cache

from factory.errors import JobError
from factory.images.product.cutter import Cutter
from factory.images.product.plain import PlainCutter
from schemas.images import CutoutConfig

ENGINES: dict[str, Callable[[CutoutConfig], Cutter]] = {"plain": PlainCutter}


@lru_cache(maxsize=4)  # an engine may hold a model
def make_cutter(config: CutoutConfig) -> Cutter:
    """Return the job's cut-out engine, the same one for the same settings.

    Raises JobError for an engine that there is not, and for settings that the engine cannot use.
    """
    if config.engine not in ENGINES:
        near = difflib.get_close_matches(config.engine, ENGINES, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        message = f"images.product.cutout.engine: there is no cut-out engine {config.engine[:60]!r}{meant}"
        raise JobError(message, f"choose from {', '.join(ENGINES)}")
    return ENGINES[config.engine](config)
