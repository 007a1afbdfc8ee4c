"""What a text-to-image pipeline is called with: the job's settings in the names that this pipeline takes. No vendor here."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from factory.engines.base import BackdropPrompt, Pixels
from factory.errors import JobError, PictureError
from schemas.images import Backdrop

# What the engine says itself, and what is no plain value of a YAML file.
_OWN = re.compile(
    r"self|args|kwargs|(negative_)?prompt(_\d)?|image|mask_image|height|width|strength|num_inference_steps|guidance_scale"
    r"|generator|num_images_per_prompt|output_type|return_dict|latents|.*_embeds|.*prompt_attention_mask|.*_embeds_mask"
    r"|ip_adapter.*|.*ip_adapter_image.*|callback.*"
)
_BLACK = 2  # of 255: a picture in which nothing is lighter was not drawn


@dataclass(frozen=True, slots=True)
class PipelineCall:
    """How one pipeline is called; `names` are the parameters it takes."""

    config: Backdrop
    names: frozenset[str]

    def list_options(self) -> list[str]:
        """Return the names that `images.backdrop.options` may hold."""
        return sorted(name for name in self.names if not _OWN.fullmatch(name))

    def check_options(self) -> None:
        """Raise JobError when the job's options name something that the pipeline does not take."""
        allowed = self.list_options()
        for name in self.config.options:
            if name not in allowed:
                raise JobError(
                    f"images.backdrop.options: this pipeline takes no option {name!r}",
                    f"it takes {', '.join(allowed)}" if allowed else "it takes none: leave options out",
                )

    def write(
        self, prompts: Sequence[BackdropPrompt], bucket: tuple[int, int], generators: list[Any]
    ) -> dict[str, Any]:
        """Return the arguments that draw `prompts` at the size `bucket`, without the pictures to start from."""
        config = self.config
        values: dict[str, Any] = {
            "prompt": [prompt.prompt for prompt in prompts],
            "width": bucket[0],
            "height": bucket[1],
            "num_inference_steps": config.steps,
            "guidance_scale": config.guidance,
            "generator": generators,
            "output_type": "pt",
        }
        if any(prompt.negative_prompt for prompt in prompts):
            values["negative_prompt"] = [prompt.negative_prompt for prompt in prompts]
        return {name: value for name, value in values.items() if name in self.names} | config.options


def read_call(call: Callable[..., Any], config: Backdrop) -> PipelineCall:
    """Return how a pipeline's `__call__` is to be called."""
    return PipelineCall(config, frozenset(inspect.signature(call).parameters))


def finish_pictures(images: Any, flagged: Sequence[bool]) -> list[Pixels]:
    """Return what a pipeline gave, a tensor of shape (count, 3, height, width) as 0..1, as bytes, one picture each.

    The sums are done where the tensor lies. Raises PictureError: unsafe when one was `flagged`, not_a_number when the sums
    inside the pipeline ran over and nothing was drawn.
    """
    if any(flagged):
        raise PictureError(
            "unsafe", "the pipeline's own safety checker refused the picture", "change images.backdrop.prompt"
        )
    levels = images[:, :3].float()
    if not bool(levels.isfinite().all()) or bool((levels.amax(dim=(1, 2, 3)) * 255 < _BLACK).any()):
        hint = "set images.backdrop.dtype to bfloat16 or float32: float16 overflows in some models"
        raise PictureError("not_a_number", "the pipeline drew a picture that is no numbers, or black", hint)
    pixels = (levels.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return [np.asarray(each, np.uint8) for each in pixels]


def check_cache_options(options: Mapping[str, Any], kinds: Mapping[str, list[str]]) -> tuple[str, dict[str, Any]]:
    """Return the kind of step cache and its options, as `images.backdrop.cache` says: {kind: first_block, threshold: 0.08}.

    `kinds` has the options of each kind. Raises JobError for a kind or an option that there is not.
    """
    kind = options.get("kind", "first_block")
    rest = {name: value for name, value in options.items() if name != "kind"}
    if kind not in kinds:
        raise JobError(f"images.backdrop.cache: there is no kind {kind!r}", f"there are {', '.join(sorted(kinds))}")
    for name in rest:
        if name not in kinds[kind]:
            raise JobError(f"images.backdrop.cache: {kind} takes no {name!r}", f"it takes {', '.join(kinds[kind])}")
    return kind, rest
