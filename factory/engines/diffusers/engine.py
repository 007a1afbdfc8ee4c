"""Backdrops from a text-to-image pipeline in a local folder: the only file that imports diffusers.

A picture depends on its prompt and its own seed: in a batch it differs from the one drawn alone by rounding, at most a
level or two of 255, and only because the sums inside are made in another order. Weights are read from safetensors alone,
and no code that comes with a model is run.
"""

import dataclasses
import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from factory.engines.base import BackdropPrompt, Pixels
from factory.engines.diffusers.call import PipelineCall, check_cache_options, finish_pictures, read_call
from factory.engines.diffusers.devices import choose_device, choose_dtype, free_memory
from factory.engines.diffusers.sizes import find_bucket, fit_picture
from factory.errors import EngineError, JobError, PictureError
from schemas.images import Backdrop, ImageExecution

# Kinds of step cache (https://huggingface.co/docs/diffusers/api/cache) and the class that configures each.
_CACHES = {
    "faster": "FasterCacheConfig",
    "first_block": "FirstBlockCacheConfig",
    "mag": "MagCacheConfig",
    "pyramid_attention": "PyramidAttentionBroadcastConfig",
    "taylorseer": "TaylorSeerCacheConfig",
}


class DiffusersEngine:
    """Draws with the pipeline in the folder `model_path`. `device` is "auto", "cpu", "cuda" or "cuda:1"."""

    name = "diffusers"

    def __init__(self, config: Backdrop, execution: ImageExecution, model_path: str, device: str = "auto") -> None:
        self.model = config.model or model_path
        self._config = config
        self._execution = execution
        self._path = model_path
        self._device = device
        self._step = 16
        self._room: dict[tuple[int, int], int] = {}  # batch sizes that memory was found to hold
        self._fitter = ThreadPoolExecutor(1, "fit")  # scales what was drawn while the next batch is
        self._text: tuple[Any, PipelineCall] | None = None
        self._image: tuple[Any, PipelineCall] | None = None

    def start(self) -> None:
        """Load the pipeline and draw once.

        Raises EngineError when it cannot be loaded, JobError when the job's settings do not suit it.
        """
        from diffusers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        device = choose_device(self._device)
        pipeline = self._load(device)
        pipeline.set_progress_bar_config(disable=True)
        self._step = math.lcm(16, int(getattr(pipeline, "vae_scale_factor", 8)))
        self._text = (pipeline, read_call(pipeline.__call__, self._config))
        self._text[1].check_options()
        if self._config.strength is not None:
            self._image = self._prepare_image(pipeline, self._config.strength)
        if hasattr(getattr(pipeline, "vae", None), "enable_slicing"):
            pipeline.vae.enable_slicing()  # decodes one picture at a time: the largest activations by far
        speed_up(pipeline, self._config.cache, self._execution)
        self._warm_up()

    def draw(self, prompts: Sequence[BackdropPrompt]) -> list[Pixels]:
        """Return a picture for each prompt, RGB of shape (height, width, 3); all prompts have one size.

        Raises PictureError: not_a_number, unsafe (by a checker that the pipeline itself brings) or out_of_memory, which may
        pass; JobError when the pipeline refuses an option's value; EngineError when it fails otherwise.
        """
        if len({(prompt.width, prompt.height) for prompt in prompts}) > 1:
            raise ValueError("prompts of several sizes in one call")
        pictures: dict[int, Pixels] = {}
        for with_start in (False, True):
            places = [place for place, each in enumerate(prompts) if (each.start is not None) is with_start]
            drawn = self._draw_fitting([prompts[place] for place in places])
            pictures |= dict(zip(places, drawn, strict=True))
        return [pictures[place] for place in range(len(prompts))]

    def stop(self) -> None:
        """Free the weights."""
        self._text = self._image = None
        free_memory()

    def _load(self, device: str) -> Any:
        import torch
        from diffusers import AutoPipelineForText2Image

        if device == "cpu":
            torch.set_num_threads(1)  # replicas share the processors, and sums are made in one order
        try:
            pipeline = AutoPipelineForText2Image.from_pretrained(
                self._path, dtype=choose_dtype(self._config.dtype, device), use_safetensors=True, local_files_only=True
            )
            return pipeline.to(device)
        except torch.OutOfMemoryError as error:
            hint = "use a smaller model, a dtype of 16 bits, or give the engine a whole GPU (execution.images.backdrop_gpus)"
            raise EngineError(
                f"the picture model {self.model} does not fit into the memory of {device}", hint
            ) from error
        except (OSError, ValueError, ImportError, KeyError, AttributeError, TypeError, RuntimeError) as error:
            raise EngineError(
                f"the picture model {self.model} cannot be loaded: {_first_line(error)}",
                "name a text-to-image pipeline in diffusers' layout: a folder with model_index.json and safetensors weights",
            ) from error

    def _prepare_image(self, pipeline: Any, strength: float) -> tuple[Any, PipelineCall]:
        from diffusers import AutoPipelineForImage2Image

        if int(self._config.steps * strength) < 1:
            message = f"images.backdrop: {self._config.steps} steps at strength {strength} are less than one"
            raise JobError(message, f"take at least {math.ceil(1 / strength)} steps")
        try:
            other = AutoPipelineForImage2Image.from_pipe(pipeline)
        except ValueError as error:
            kind = type(pipeline).__name__
            raise JobError(f"images.backdrop.strength: {kind} cannot start from a picture", "leave it out") from error
        other.set_progress_bar_config(disable=True)
        return other, read_call(other.__call__, self._config)

    def _warm_up(self) -> None:
        side = self._config.max_side
        start = None if self._image is None else np.full((side, side, 3), 128, np.uint8)
        prompt = BackdropPrompt("light", "", side, side, 0, {}, start)
        # Compiled code has one form for a single picture and one for more: both are made now, not amid the work.
        both = self._execution.compile_blocks and self._execution.batch_size > 1
        try:
            for count in (2, 1) if both else (1,):
                self._draw_fitting([prompt] * count)
        except PictureError as error:
            raise EngineError(f"the picture model {self.model} draws nothing: {error.message}", error.hint) from error

    def _draw_fitting(self, prompts: Sequence[BackdropPrompt]) -> list[Pixels]:
        """Draw in batches, halved for good at a size whose batch memory did not hold."""
        import torch

        pictures: list[Future[Pixels]] = []
        while len(pictures) < len(prompts):
            bucket = find_bucket(prompts[0].width, prompts[0].height, self._config.max_side, self._step)
            room = self._room.get(bucket, self._execution.batch_size)
            batch = prompts[len(pictures) : len(pictures) + room]
            try:
                pictures += self._call(batch)
                continue
            except torch.OutOfMemoryError:
                pass  # memory is freed outside: here the error still holds the tensors of its frames
            free_memory()
            if len(batch) == 1:
                hint = "lower images.backdrop.max_side, or give the engine a whole GPU"
                message = f"a picture of {bucket[0]}x{bucket[1]} does not fit into the accelerator's memory"
                raise PictureError("out_of_memory", message, hint, retryable=True)
            self._room[bucket] = len(batch) // 2
        return [picture.result() for picture in pictures]

    def _call(self, prompts: Sequence[BackdropPrompt]) -> list[Future[Pixels]]:
        import torch

        found = self._text if prompts[0].start is None else self._image
        if found is None:
            raise EngineError(
                "the picture engine was not started for this", "call start(), with strength for pictures"
            )
        pipeline, call = found
        first = prompts[0]
        bucket = find_bucket(first.width, first.height, self._config.max_side, self._step)
        # On the CPU, so that a seed means the same noise on every device.
        generators = [torch.Generator("cpu").manual_seed(prompt.seed % 2**63) for prompt in prompts]
        arguments = call.write(prompts, bucket, generators)
        if first.start is not None:
            arguments |= _start_from(prompts, bucket, call.names, self._config.strength)
        try:
            output = pipeline(**arguments)
        except torch.OutOfMemoryError:
            raise
        except (ValueError, TypeError) as error:
            message = f"{type(pipeline).__name__} refuses what images.backdrop asks for: {_first_line(error)}"
            raise JobError(message, "change steps, guidance, max_side or options") from error
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # torch's allocator of plain memory has no error of its own
                raise torch.OutOfMemoryError(str(error)) from error
            raise EngineError(f"the picture engine failed: {_first_line(error)}", "start it again") from error
        flags = getattr(output, "nsfw_content_detected", None) or [False] * len(prompts)
        pictures = finish_pictures(output.images, [bool(flag) for flag in flags])
        return [self._fitter.submit(fit_picture, pixels, first.width, first.height) for pixels in pictures]


def _start_from(
    prompts: Sequence[BackdropPrompt], bucket: tuple[int, int], names: frozenset[str], strength: float | None
) -> dict[str, Any]:
    from PIL import Image

    pictures = [Image.fromarray(fit_picture(prompt.start, *bucket)) for prompt in prompts]
    return {"image": pictures} | ({"strength": strength} if "strength" in names else {})


def speed_up(pipeline: Any, cache: dict[str, Any], execution: ImageExecution) -> None:
    """Switch on what the job asks for: a step cache, and compiled blocks."""
    model: Any = getattr(pipeline, "transformer", None)
    if cache:
        if not hasattr(model, "enable_cache"):
            message = f"images.backdrop.cache: {type(pipeline).__name__} has no transformer that can cache its steps"
            raise JobError(message, "leave it out")
        model.enable_cache(_make_cache(pipeline, cache))
    if execution.compile_blocks:
        model = model if model is not None else getattr(pipeline, "unet", None)
        if not getattr(model, "_repeated_blocks", None):
            message = f"execution.images.compile_blocks: {type(pipeline).__name__} has no blocks that repeat"
            raise JobError(message, "leave it out")
        model.compile_repeated_blocks(dynamic=True)  # one compilation for all sizes and batches


def _make_cache(pipeline: Any, options: dict[str, Any]) -> Any:
    from diffusers import hooks

    kinds = {kind: getattr(hooks, name) for kind, name in _CACHES.items()}
    # What is called back is no value of a YAML file; where the caches need the step's time, the pipeline knows it.
    fields = {
        kind: [field.name for field in dataclasses.fields(config) if not field.name.endswith(("_callback", "_dtype"))]
        for kind, config in kinds.items()
    }
    kind, values = check_cache_options(options, fields)
    if any(field.name == "current_timestep_callback" for field in dataclasses.fields(kinds[kind])):
        values["current_timestep_callback"] = lambda: pipeline.current_timestep
    return kinds[kind](**values)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
