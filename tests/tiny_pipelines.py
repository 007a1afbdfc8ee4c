"""Text-to-image pipelines with a few thousand random weights: built in a second, loaded by the real code, without network."""

from pathlib import Path
from typing import Any

WORDS = "a on the of in and with soft light wood stone table blue red green calm empty studio background product photo"


def build_tiny_pipeline(folder: Path, kind: str = "flux") -> Path:
    """Write a pipeline into `folder` as safetensors and return it: `flux` (a transformer) or `sd` (a UNet)."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline = _make_flux() if kind == "flux" else _make_sd()
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _make_flux() -> Any:
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    tokenizer_2 = _make_t5_tokenizer()
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=_make_clip(),
        tokenizer=_make_clip_tokenizer(),
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=len(tokenizer_2), d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
        ).eval(),
        tokenizer_2=tokenizer_2,
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8),
        ),
        vae=_make_vae(AutoencoderKL, latents=4, shift_factor=0.0609, scaling_factor=1.5035, use_quant_conv=False),
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
