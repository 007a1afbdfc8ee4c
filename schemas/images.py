"""What a job says about pictures: brand kits, layouts, backdrops, where product pictures may come from, and how fast."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.base import Config

Format = Literal["jpg", "png", "webp", "avif"]


class Backdrop(Config):
    """What lies behind product and copy. Everything here decides the output and is part of a creative's id.

    `procedural` draws shapes and gradients in the brand's colours. `diffusers` asks a text-to-image pipeline: `model` is a
    hub id, a folder, or s3://. `prompt` is the template of the picture's prompt. With `written_by: model` the text model
    writes the prompt together with the copy, under the same checks, as a field `image_prompt`.
    """

    engine: Literal["procedural", "diffusers"] = "procedural"
    model: str | None = None
    prompt: str | None = None
    written_by: Literal["template", "model"] = "template"
    negative_prompt: str = ""
    steps: int = Field(default=28, ge=1, le=200)
    guidance: float = Field(default=3.5, ge=0, le=30)
    max_side: int = Field(default=1024, ge=64, le=4096)  # pixels of the longer side that the pipeline draws
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    options: dict[str, Any] = {}  # further arguments of a pipeline's call
    # The step cache: its `kind`, and its own options. Pictures are drawn faster and come out a little different.
    cache: dict[str, Any] = {}
    # Image to image, from the product on a plain ground: how much of that is redrawn.
    strength: float | None = Field(default=None, gt=0, le=1)
    safety: bool = False  # refuse what the optional NSFW model scores too high

    @model_validator(mode="after")
    def _check_model(self) -> "Backdrop":
        if self.engine == "diffusers" and not (self.model and (self.prompt or self.written_by == "model")):
            raise ValueError("engine diffusers needs model, and prompt (a template) or written_by: model")
        return self


class Sources(Config):
    """Where product pictures may come from: folders beside the job, s3:// prefixes, hosts. Nothing else is opened.

    `hosts` are exact names, or "*.example.com". Those of `private_hosts`, for example "127.0.0.1:8000", may have private
    addresses: without an entry here no loopback, private or link-local address is ever connected to.
    """

    roots: list[str] = ["."]
    hosts: list[str] = []
    private_hosts: list[str] = []
    max_bytes: int = Field(default=30_000_000, ge=1_000)
    max_pixels: int = Field(default=50_000_000, ge=1_000)
    min_side: int = Field(default=200, ge=1)
    timeout_seconds: float = Field(default=20.0, gt=0, le=300)  # of a whole download
    max_redirects: int = Field(default=3, ge=0, le=10)


class CutoutConfig(Config):
    """How a product is cut out of its picture. Everything here decides the output and is part of a creative's id.

    `plain` takes a plain background away, by arithmetic. `model` is for engines that need one: a folder, or s3://. The
    engines are listed in `factory/images/product/cutout.py`.
    """

    engine: str = "plain"
    model: str | None = None


class ProductConfig(Config):
    """How product pictures are made ready."""

    cutout: CutoutConfig = CutoutConfig()


class Signing(Config):
    """C2PA: environment variables that hold the paths of the certificate chain and of its private key (PEM)."""

    certificate_variable: str = "FACTORY_C2PA_CERTIFICATE"
    key_variable: str = "FACTORY_C2PA_KEY"
    algorithm: Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = "es256"
    timestamp_url: str | None = None


class Images(Config):
    """The images phase. Paths are relative to the job file.

    `brands` are brand kits: each serves the briefs of its `name`, and the first one also those that no other serves. `slots`
    narrows the placements' picture slots by name. Layouts are tried in an order drawn from each creative's seed until
    `variants` of them have passed every check. Of these the best `keep` are kept, at least `min_distance` apart.
    """

    brands: Annotated[list[str], Field(min_length=1)]
    layouts: Annotated[list[str], Field(min_length=1)]
    slots: list[str] = []
    backdrop: Backdrop = Backdrop()
    sources: Sources = Sources()
    product: ProductConfig = ProductConfig()
    formats: Annotated[list[Format], Field(min_length=1)] = ["jpg", "png"]
    variants: int = Field(default=1, ge=1, le=16)
    max_tries: int = Field(default=12, ge=1, le=100)
    keep: int = Field(default=1, ge=1, le=8)
    min_distance: float = Field(default=0.1, ge=0, le=1)
    minimum_score: float = Field(default=0.0, ge=0, le=1)
    require_product: bool = False  # reject a creative without its product's picture, where a layout would do without
    signing: Signing | None = None

    @model_validator(mode="after")
    def _check_counts(self) -> "Images":
        if self.keep > self.variants:
            raise ValueError(f"keep {self.keep} is above variants {self.variants}: that many are compared")
        return self


class ImageExecution(Config):
    """How fast the images phase goes; never part of a creative's id. `batch_size` and `compile_blocks`: diffusers only."""

    replicas: int | Literal["auto"] = "auto"  # processes that compose
    backdrop_replicas: int | Literal["auto"] = "auto"  # engines that draw
    backdrop_gpus: float | Literal["auto"] = "auto"  # of one engine
    batch_size: int = Field(default=4, ge=1, le=64)  # backdrops drawn at once
    compile_blocks: bool = False
    # Texts that one process fetches pictures for, or has not committed yet.
    rows_in_flight: int = Field(default=16, ge=1, le=256)
    timeout_seconds: float = Field(default=600.0, gt=0)  # for one creative; its process is then ended and restarted

    @property
    def stall_seconds(self) -> float:
        """The seconds without progress after which a process is given up."""
        return self.timeout_seconds
