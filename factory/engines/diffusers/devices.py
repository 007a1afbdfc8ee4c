"""Which device and number format torch works in, and how its memory is given back."""

import gc
from typing import Any

from factory.errors import EngineError


def choose_device(wanted: str) -> str:
    """Return `wanted`, or for "auto" the first CUDA device where there is one, else the CPU.

    Raises EngineError where CUDA is wanted and not there.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise EngineError(f"there is no CUDA device for {wanted!r}", "run `factory doctor`, or take device cpu")
    return wanted


def choose_dtype(wanted: str, device: str) -> Any:
    """Return torch's type for a name; "auto" is bfloat16 on a GPU that computes with it, else float16, and float32 on a CPU."""
    import torch

    if wanted == "auto":
        if not device.startswith("cuda"):
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return getattr(torch, wanted)


def free_memory() -> None:
    """Give back the memory of tensors that nothing holds any more."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
