"""The judge's calibration on the job's gold pairs: one per output and job, whoever computes it first."""

import asyncio

from factory.config.job import RunSpec
from factory.engines.base import TextEngine
from factory.storage.store import Store
from factory.text.judge import judge_text
from factory.text.scores.scorer import calibrate
from schemas.rubric import Calibration


def calibration_name(job_digest: str) -> str:
    """Return where the calibration of this job's judge lies below the output; other models and rubrics have others."""
    return f"calibration/{job_digest}.json"


async def find_calibration(spec: RunSpec, store: Store, engine: TextEngine) -> Calibration | None:
    """Return the run's one calibration: the first engine to finish its gold pairs decides, for every actor and resume."""
    rubric = spec.loaded.rubric
    if rubric is None or rubric.judge is None:
        return None
    known = read_calibration(spec.identity.job, store)
    if known is not None:
        return known
    judge = rubric.judge
    texts = [(pair.brief, fields) for pair in judge.gold for fields in (pair.good, pair.bad)]
    verdicts = await asyncio.gather(
        *(judge_text(brief, fields, judge, engine, f"gold{number}") for number, (brief, fields) in enumerate(texts))
    )
    calibration = calibrate(spec.model, verdicts[0::2], verdicts[1::2], rubric)
    store.put_if_absent(calibration_name(spec.identity.job), calibration.model_dump_json(indent=1).encode())
    return read_calibration(spec.identity.job, store)


def read_calibration(job_digest: str, store: Store) -> Calibration | None:
    """Return the calibration that was written for this job, or None."""
    name = calibration_name(job_digest)
    return Calibration.model_validate_json(store.read_bytes(name)) if store.exists(name) else None


def find_judge_weight(spec: RunSpec, store: Store) -> float:
    """Return the weight that the judge's score has in this run."""
    calibration = read_calibration(spec.identity.job, store)
    return calibration.weight if calibration else 0.0
