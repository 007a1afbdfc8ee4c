"""Text-to-image pipelines of random weights that the real code loads, without network: tiny ones, built in a second."""

from pathlib import Path
from typing import Any

from factory.cli.bench.random_pipeline import TEXT_WIDTH, make_clip, make_clip_tokenizer, make_flux


def build_tiny_pipeline(folder: Path, kind: str = "flux") -> Path:
    """Write a pipeline into `folder` as safetensors and return it: `flux` (a transformer) or `sd` (a UNet)."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline = make_flux(*make_tiny_parts()) if kind == "flux" else _make_sd()
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def make_tiny_parts() -> tuple[Any, Any]:
    """A transformer and a decoder for `make_flux`."""
    from diffusers import FluxTransformer2DModel

    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT_WIDTH,
        pooled_projection_dim=TEXT_WIDTH,
        axes_dims_rope=(4, 4, 8),
    )
    return transformer, _make_vae(shift_factor=0.0609, scaling_factor=1.5035, use_quant_conv=False)


def _make_sd() -> Any:
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    return StableDiffusionPipeline(
        vae=_make_vae(),
        text_encoder=make_clip(),
        tokenizer=make_clip_tokenizer(),
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


def _make_vae(**others: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
        **others,
    )
