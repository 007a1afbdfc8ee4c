"""Load a job, tell what its requests' ids depend on, open or resume a run, and write its manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factory.config.load import load_config
from factory.config.placements import ask_image_prompts, get_placements, load_placements
from factory.errors import JobError
from schemas.base import Record, digest
from schemas.job import Example, ExampleFile, Job
from schemas.placement import Placement
from schemas.rubric import Rubric

JOB_FILE = "job.yaml"
SCRIPTED = "scripted"
# What counts when a job brings no rubric.
COMPUTED_WEIGHTS = Rubric(weights={"relevance": 2, "specificity": 2, "diversity": 1, "readability": 1, "fluency": 1})


@dataclass(frozen=True, slots=True)
class Identity:
    """The digests of what a job's requests share: `job` of template, model, sampling, rubric and the like."""

    job: str
    placements: dict[str, str]  # placement id -> digest of its rules
    seed: int
    tones: Mapping[str, str] = field(default_factory=dict)  # of brand kits: what a brief without a tone gets


class LoadedJob(Record):
    """A job with everything it names read and validated; plain data, kept in `run.json` and sent to workers."""

    job: Job
    folder: str
    briefs_uri: str
    output_uri: str
    template_source: str
    template_where: str
    examples: list[Example]
    placements: dict[str, Placement]
    rubric: Rubric | None


@dataclass(frozen=True, slots=True)
class RunSpec:
    """All that the stages need to know about a run; plain data that is sent to every worker once."""

    loaded: LoadedJob
    identity: Identity
    run_id: str
    attempt: str
    model: str  # local folder, hub id or s3 folder as the job names it
    cache: str

    @property
    def scripted(self) -> bool:
        """Whether the job runs without a model."""
        return self.model == SCRIPTED


def load_job(
    path: str, overrides: Sequence[str] = (), briefs: str | None = None, output: str | None = None
) -> LoadedJob:
    """Read a job folder or YAML file; `briefs` and `output` replace the job's own. Raises JobError."""
    file = _find_job_file(path)
    folder = file.parent
    job = load_config(Job, _read_text(file, "the job"), file.name, overrides)
    template = _inside(folder, job.text.template)
    rubric = None
    if job.judge is not None:
        rubric_file = _inside(folder, job.judge.rubric)
        rubric = load_config(Rubric, _read_text(rubric_file, "the rubric"), job.judge.rubric)
    examples: list[Example] = []
    if job.text.examples is not None:
        examples_file = _inside(folder, job.text.examples)
        examples = load_config(ExampleFile, _read_text(examples_file, "the examples"), job.text.examples).examples
    own_placements = folder / "placements"
    available = load_placements([own_placements] if own_placements.is_dir() else [])
    chosen = get_placements(job.placements, available)
    if job.images is not None and job.images.backdrop.written_by == "model":
        chosen = ask_image_prompts(chosen)
    # What the command line names is relative to where the user stands; what the job names, to the job.
    return LoadedJob(
        job=job,
        folder=str(folder),
        briefs_uri=locate_uri(Path.cwd(), briefs) if briefs else locate_uri(folder, job.briefs),
        output_uri=locate_uri(Path.cwd(), output) if output else locate_uri(folder, job.output),
        template_source=_read_text(template, "the template"),
        template_where=job.text.template,
        examples=examples,
        placements={placement.id: placement for placement in chosen},
        rubric=rubric,
    )


def make_identity(loaded: LoadedJob, model_digest: str, tones: Mapping[str, str] | None = None) -> Identity:
    """Return the digests that request ids are made of: all that decides the output, nothing that decides the speed."""
    job = loaded.job
    shared = {
        "template": loaded.template_source,
        "examples": [example.model_dump(mode="json") for example in loaded.examples],
        "numbers": job.text.numbers,
        "model": model_digest,
        "adapters": job.text.adapters,
        "candidates": job.text.candidates,
        "sampling": job.text.sampling.model_dump(mode="json"),
        "max_repairs": job.text.max_repairs,
        "rubric": loaded.rubric.model_dump(mode="json") if loaded.rubric else None,
        "select": job.select.model_dump(mode="json"),
        "checks": job.checks.model_dump(mode="json"),
        "seed": job.seed,
    }
    if tones:
        shared["tones"] = dict(tones)
    placements = {name: digest_placement(placement) for name, placement in loaded.placements.items()}
    return Identity(job=digest(shared), placements=placements, seed=job.seed, tones=dict(tones or {}))


def locate_uri(base: Path, uri: str) -> str:
    """Return `uri` as it is named from the folder `base`: a local path is made absolute."""
    if "://" in uri:
        return uri
    return str((base / Path(uri).expanduser()).resolve()) if not any(c in uri for c in "*?[") else str(base / uri)


def _find_job_file(path: str) -> Path:
    given = Path(path).expanduser()
    file = given / JOB_FILE if given.is_dir() else given
    if file.is_file():
        return file.resolve()
    if given.is_dir():
        raise JobError(
            f"the folder {path} has no {JOB_FILE}", "name a job folder such as jobs/ad_copy, or a YAML file"
        )
    raise JobError(f"there is no job at {path}", "name a job folder such as jobs/ad_copy, or a YAML file")


def _inside(folder: Path, name: str) -> Path:
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise JobError(f"{name} lies outside the job folder", "keep templates and rubrics beside job.yaml")
    return file


def _read_text(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        near = sorted(p.name for p in file.parent.glob("*")) if file.parent.is_dir() else []
        listing = f"; {file.parent.name}/ holds {', '.join(near[:8])}" if near else ""
        raise JobError(f"{what} {file.name} does not exist{listing}", "fix the name in job.yaml") from error
    except (OSError, UnicodeDecodeError) as error:
        raise JobError(
            f"{what} {file.name} cannot be read: {error}", "it must be a readable UTF-8 text file"
        ) from error


def digest_placement(placement: Placement) -> str:
    """Return the digest of the rules that decide a placement's text; notes, sources and picture slots do not count."""
    return digest(
        placement.model_dump(mode="json", exclude={"note", "sources", "verified", "image_slots", "confidence"})
    )
