"""Text-to-image pipelines of random weights, loaded by the real code, without network: tiny ones, built in a second.

`python -m tests.random_pipelines FOLDER` writes one of the size of FLUX.1 (12 billion weights in the transformer, 24 GB in
bfloat16, made on the GPU) for `factory bench backdrops`: what it draws is noise, and takes as long as a picture.
"""

import sys
from pathlib import Path
from typing import Any

_TEXT = 32  # width of what the text encoders give
WORDS = "a on the of in and with soft light wood stone table blue red green calm empty studio background product photo"


def build_tiny_pipeline(folder: Path, kind: str = "flux") -> Path:
    """Write a pipeline into `folder` as safetensors and return it: `flux` (a transformer) or `sd` (a UNet)."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline = _make_flux() if kind == "flux" else _make_sd()
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def build_real_pipeline(folder: Path, device: str = "cuda") -> Path:
    """Write a pipeline into `folder` whose transformer and decoder are FLUX.1's, and return it. Text encoders stay tiny.

    Sizes: https://huggingface.co/docs/diffusers/api/models/flux_transformer (the defaults), FLUX.1's vae/config.json.
    """
    import torch
    from diffusers import AutoencoderKL, FluxTransformer2DModel

    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        transformer = FluxTransformer2DModel(joint_attention_dim=_TEXT, pooled_projection_dim=_TEXT)
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
    _make_flux(transformer, vae).save_pretrained(folder, safe_serialization=True)
    return folder


def _make_flux(transformer: Any = None, vae: Any = None) -> Any:
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    tokenizer_2 = _make_t5_tokenizer()
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=_make_clip(),
        tokenizer=_make_clip_tokenizer(),
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=len(tokenizer_2), d_model=_TEXT, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
        ).eval(),
        tokenizer_2=tokenizer_2,
        transformer=transformer
        or FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_TEXT,
            pooled_projection_dim=_TEXT,
            axes_dims_rope=(4, 4, 8),
        ),
        vae=vae
        or _make_vae(AutoencoderKL, latents=4, shift_factor=0.0609, scaling_factor=1.5035, use_quant_conv=False),
    )


def _make_sd() -> Any:
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    return StableDiffusionPipeline(
        vae=_make_vae(AutoencoderKL, latents=4),
        text_encoder=_make_clip(),
        tokenizer=_make_clip_tokenizer(),
        unet=UNet2DConditionModel(
            block_out_channels=(8, 16),
            layers_per_block=1,
            sample_size=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=8,
            norm_num_groups=4,
        ),
        scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _make_vae(kind: Any, latents: int, **others: Any) -> Any:
    return kind(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=latents,
        norm_num_groups=4,
        sample_size=32,
        **others,
    )


def _make_clip() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    size = len(_make_clip_tokenizer())
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=size,
            hidden_size=32,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=77,
            projection_dim=32,
            bos_token_id=size - 2,
            eos_token_id=size - 1,
            pad_token_id=size - 1,
        )
    ).eval()


def _make_clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    pieces = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, merges=[], model_max_length=77)


def _make_t5_tokenizer() -> Any:
    from transformers import T5Tokenizer

    letters = [(chr(code), -8.0) for code in range(33, 127)]
    words = [("\u2581" + word, -4.0) for word in WORDS.split()]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -6.0), *words, *letters]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=64)


if __name__ == "__main__":
    print(build_real_pipeline(Path(sys.argv[1])))
