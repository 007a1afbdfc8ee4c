"""The job: the YAML that a marketer edits. An unknown key is an error that names the key and its line."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from schemas.base import Config
from schemas.brief import Brief
from schemas.images import ImageExecution, Images
from schemas.locales import normalize_locale
from schemas.outcome import Fields

Locale = Annotated[str, AfterValidator(normalize_locale)]


class Sampling(Config):
    """How candidates are drawn. Part of the request's identity."""

    temperature: float = Field(default=0.8, ge=0, le=2)
    top_p: float = Field(default=0.95, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    repetition_penalty: float | None = Field(default=None, gt=0, le=2)


class Example(Config):
    """A finished piece of work shown to the model before the real brief: a brief, and good copy for it by placement."""

    brief: Brief
    ad_copy: dict[str, Fields]


class ExampleFile(Config):
    """What `text.examples` names: the examples of a job."""

    examples: Annotated[list[Example], Field(min_length=1, max_length=8)]


class TextConfig(Config):
    """The text phase: template, examples, model, candidates and repairs.

    `numbers: never` keeps digits out of what the model may write, for models too small to be trusted with figures.
    """

    template: str
    examples: str | None = None
    numbers: Literal["from_brief", "never"] = "from_brief"
    model: str = "smollm2-135m-instruct"
    adapters: dict[str, str] = {}
    candidates: int = Field(default=4, ge=1, le=64)
    sampling: Sampling = Sampling()
    max_repairs: int = Field(default=2, ge=0, le=8)


class JudgeFile(Config):
    """Where the rubric is, relative to the job file."""

    rubric: str


class SelectConfig(Config):
    """How many assets to keep per request, how good they must be, and how unlike each other (0..1)."""

    keep: int = Field(default=1, ge=1, le=20)
    minimum_score: float = Field(default=0.0, ge=0, le=1)
    min_distance: float = Field(default=0.15, ge=0, le=1)


class CheckConfig(Config):
    """Lists that hold for every brief of the job, on top of the placement's rules and the brief's own lists."""

    competitors: list[str] = []
    trademarks: list[str] = []
    must_avoid: list[str] = []
    allowed_caps: list[str] = []
    personal_attributes: bool = True


class Budget(Config):
    """Bounds on a run; reaching one stops it in a resumable way."""

    deadline: datetime | None = None
    gpu_hours: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)


class Price(Config):
    """What an hour costs, for the cost per accepted asset. Leave out what you do not pay for."""

    currency: str = "USD"
    per_gpu_hour: float = Field(default=0.0, ge=0)
    per_cpu_core_hour: float = Field(default=0.0, ge=0)


class TextExecution(Config):
    """How fast the text phase goes, and when it gives up; never part of a request's identity.

    A request that takes longer than `timeout_seconds`, repairs and waiting for the engine included, is aborted and tried
    again later. An engine that gives no token for `stall_seconds` while it has work is ended and restarted.
    """

    replicas: int | Literal["auto"] = "auto"
    gpus: float | Literal["auto"] = "auto"
    cpus: float | Literal["auto"] = "auto"
    max_model_len: int = Field(default=2048, ge=256)
    batch_rows: int = Field(default=8, ge=1, le=1024)
    batches_in_flight: int = Field(default=16, ge=1, le=256)
    timeout_seconds: float = Field(default=1800.0, gt=0)
    stall_seconds: float = Field(default=300.0, gt=0)
    engine_options: dict[str, Any] = {}


class ScoreExecution(Config):
    """The CPU stage beside the engine."""

    replicas: int | Literal["auto"] = "auto"
    cpus: float = Field(default=0.25, gt=0)


class Execution(Config):
    """Speed and safety settings; never part of a request's identity.

    A request that failed on the way is tried `max_attempts` times, over restarts too. A run that is told to stop starts
    nothing new and gives what is in flight `drain_seconds` to end. Finished rows go to storage in files of at most
    `commit_rows`, each at most `commit_seconds` after its first row. `unit_rows` are the input rows of one split: what one
    task reads, and what a resume skips or reads again as a whole.
    """

    text: TextExecution = TextExecution()
    score: ScoreExecution = ScoreExecution()
    images: ImageExecution = ImageExecution()
    ray_address: str | None = None
    max_quarantine_rate: float = Field(default=0.05, ge=0, le=1)
    max_attempts: int = Field(default=3, ge=1, le=100)
    drain_seconds: float = Field(default=30.0, ge=0, le=3600)
    commit_rows: int = Field(default=256, ge=1, le=100_000)
    commit_seconds: float = Field(default=10.0, gt=0, le=600)
    unit_rows: int = Field(default=2048, ge=1)


class Job(Config):
    """A job folder's `job.yaml`. Paths are relative to that file, or URIs."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
    briefs: str
    columns: dict[str, str] = {}
    output: str
    placements: Annotated[list[str], Field(min_length=1)]
    locales: Annotated[list[Locale], Field(min_length=1), AfterValidator(lambda names: list(dict.fromkeys(names)))]
    text: TextConfig
    judge: JudgeFile | None = None
    select: SelectConfig = SelectConfig()
    images: Images | None = None
    checks: CheckConfig = CheckConfig()
    budget: Budget = Budget()
    price: Price = Price()
    seed: int = Field(default=7, ge=0, lt=2**31)
    execution: Execution = Execution()
