"""A text-to-image pipeline of random weights for `factory bench backdrops`: it draws noise, in the time of a picture.

Transformer and decoder have the sizes of FLUX.1's: 12 billion weights in the former, 24 GB in bfloat16. Text encoders are tiny.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from factory.errors import EngineError, JobError

TEXT_WIDTH = 32  # of what the text encoders give
WORDS = "a on the of in and with soft light wood stone table blue red green calm empty studio background product photo"


def write_pipeline(folder: Path) -> Path:
    """Write the pipeline into `folder`, as safetensors, and return it. The weights are made on the GPU.

    Raises JobError for a folder that holds something and without the library diffusers, EngineError without a CUDA GPU.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise JobError(f"{folder} is there, and is no empty folder", "name a new one: nothing is overwritten")
    if find_spec("diffusers") is None:
        raise JobError(
            "a picture model is written with the library diffusers", "pip install 'content-factory[diffusers]'"
        )
    import torch

    if not torch.cuda.is_available():
        raise EngineError("no CUDA GPU is seen, and the weights are made on one", "run it on the machine with the GPU")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        make_flux(*_make_parts()).save_pretrained(folder, safe_serialization=True)
    finally:
        torch.set_default_dtype(before)
    return folder


def make_flux(transformer: Any, vae: Any) -> Any:
    """Return a FluxPipeline around these two parts, with tiny text encoders that give TEXT_WIDTH numbers a token."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline
    from transformers import T5Config, T5EncoderModel

    tokenizer_2 = _make_t5_tokenizer()
    config = T5Config(vocab_size=len(tokenizer_2), d_model=TEXT_WIDTH, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=make_clip(),
        tokenizer=make_clip_tokenizer(),
        text_encoder_2=T5EncoderModel(config).eval(),
        tokenizer_2=tokenizer_2,
        transformer=transformer,
        vae=vae,
    )


def make_clip() -> Any:
    """Return a tiny CLIP text encoder for the words of `make_clip_tokenizer`."""
    from transformers import CLIPTextConfig, CLIPTextModel

    size = len(make_clip_tokenizer())
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=size,
            hidden_size=TEXT_WIDTH,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=77,
            projection_dim=TEXT_WIDTH,
            bos_token_id=size - 2,
            eos_token_id=size - 1,
            pad_token_id=size - 1,
        )
    ).eval()


def make_clip_tokenizer() -> Any:
    """Return a CLIP tokenizer that knows single characters."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    pieces = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, merges=[], model_max_length=77)


def _make_parts() -> tuple[Any, Any]:
    """Transformer and decoder of FLUX.1's sizes: diffusers' defaults for the one, FLUX.1's vae/config.json for the other.

    https://huggingface.co/docs/diffusers/api/models/flux_transformer
    """
    import torch
    from diffusers import AutoencoderKL, FluxTransformer2DModel

    with torch.device("cuda"):
        transformer = FluxTransformer2DModel(joint_attention_dim=TEXT_WIDTH, pooled_projection_dim=TEXT_WIDTH)
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=16,
            sample_size=1024,
            scaling_factor=0.3611,
            shift_factor=0.1159,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    return transformer, vae


def _make_t5_tokenizer() -> Any:
    from transformers import T5Tokenizer

    letters = [(chr(code), -8.0) for code in range(33, 127)]
    words = [("\u2581" + word, -4.0) for word in WORDS.split()]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -6.0), *words, *letters]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=64)
