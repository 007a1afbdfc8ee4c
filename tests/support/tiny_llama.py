"""A model that vLLM really loads and runs, with two small random layers: for tests in which what it says does not matter."""

import json
import shutil
from pathlib import Path

from factory.engines.models.resolve import default_cache, resolve_model

_HIDDEN, _LAYERS, _HEADS, _INNER = 128, 2, 2, 256  # heads of 64: vLLM on the CPU has no attention for those of 16
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")


def build_tiny_llama(folder: Path) -> Path:
    """Write the bundled model's tokenizer and a llama of 7 M parameters to the new folder `folder`; return it.

    The weights are the same each time.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    bundled = Path(resolve_model("smollm2-135m-instruct", default_cache()))
    config = json.loads((bundled / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_size": _HIDDEN, "intermediate_size": _INNER, "num_hidden_layers": _LAYERS}
    config |= {"num_attention_heads": _HEADS, "num_key_value_heads": _HEADS, "head_dim": _HIDDEN // _HEADS}
    torch.manual_seed(7)
    LlamaForCausalLM(LlamaConfig(**config)).to(torch.bfloat16).save_pretrained(folder)
    for name in _TOKENIZER_FILES:
        shutil.copy(bundled / name, folder / name)
    return folder
