"""What the flow asks of an engine, whatever runs behind it. Knows no vendor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from schemas.job import Sampling, TextExecution

Pixels = npt.NDArray[np.uint8]

Messages = list[dict[str, str]]  # chat turns: {"role": "system" | "user" | "assistant", "content": text}


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What an engine needs to start. `model` is a local folder, or the name of a scripted engine."""

    model: str
    execution: TextExecution
    seed: int
    adapters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One call: chat turns, the JSON schema that the text must fit, and how many tokens that may take."""

    messages: Messages
    json_schema: dict[str, Any]
    max_tokens: int
    sampling: Sampling
    seed: int
    n: int = 1
    request_id: str = ""
    adapter: str = ""
    attempt: int = 0  # repairs count from 1


@dataclass(frozen=True, slots=True)
class Completion:
    """One text. `mean_logprob` is the mean natural-log probability of its tokens, None where the engine has none."""

    text: str
    num_tokens: int
    mean_logprob: float | None
    finished: bool  # False when it was cut by max_tokens


@dataclass(frozen=True, slots=True)
class Generation:
    """The completions of one call and what it cost. `seconds` is wall time shared out over the calls in flight."""

    completions: list[Completion]
    prompt_tokens: int
    seconds: float


class TextEngine(Protocol):
    """A text engine. All methods are coroutines so that many requests share one engine."""

    async def start(self) -> None:
        """Load the model and warm it. Raises EngineError."""

    async def generate(self, prompt: Prompt) -> Generation:
        """Write `prompt.n` texts. Raises EngineError when the engine is dead, ValueError when the prompt is at fault."""

    async def choose(self, messages: Messages, choices: Sequence[str], request_id: str) -> dict[str, float]:
        """Return the probability of each one-token choice as the answer to `messages`; they sum to 1."""

    def read_silence(self) -> float:
        """Return the seconds since the engine last gave a token, 0 while it has no work. Called from another thread."""

    async def stop(self) -> None:
        """End every process that the engine started."""


class Embedder(Protocol):
    """Turns texts into unit vectors; a dot product is their cosine similarity."""

    def embed(self, texts: Sequence[str]) -> Any:
        """Return a float32 array of shape (len(texts), dimensions), rows of length 1."""


@dataclass(frozen=True, slots=True, eq=False)
class BackdropPrompt:
    """One picture to draw: `width` x `height` pixels that show what `prompt` says, from `seed`.

    `colors` are those of the colourway by name, as "#rrggbb". `start` is a picture to start from (RGB, of that size).
    """

    prompt: str
    negative_prompt: str
    width: int
    height: int
    seed: int
    colors: Mapping[str, str]
    start: Any = None


class ImageEngine(Protocol):
    """Draws backdrops. Not thread-safe; lives in one process."""

    name: str
    model: str

    def start(self) -> None:
        """Load the model and warm it. Raises EngineError."""

    def draw(self, prompts: Sequence[BackdropPrompt]) -> list[Any]:
        """Return a picture for each prompt: RGB, uint8, of exactly the size that was asked for, the same for the same seed.

        All prompts have one size. Raises PictureError when a picture cannot be drawn (out of memory, not a number),
        EngineError when the engine is dead.
        """

    def stop(self) -> None:
        """Free what was loaded."""
