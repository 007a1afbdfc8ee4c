"""The judge: one-token verdicts of the same engine on finished text. Part of the text step."""

import asyncio
from collections.abc import Sequence

from factory.briefs.template_values import clean
from factory.engines.base import Messages, TextEngine
from schemas.outcome import Candidate, Fields
from schemas.request import Request
from schemas.rubric import JudgeConfig

GRADES = ("1", "2", "3", "4", "5")
MAX_DESCRIPTION = 300  # characters of the description that the judge reads


async def judge_text(brief: str, fields: Fields, judge: JudgeConfig, engine: TextEngine, request_id: str) -> float:
    """Return the judge's verdict on one text, 0..1: expected grade over the rubric's criteria, weighted.

    The expected score over the grades' probabilities, rather than the likeliest grade, is finer and steadier
    (G-Eval, https://arxiv.org/abs/2303.16634).
    """
    total = weight = 0.0
    for number, criterion in enumerate(judge.criteria):
        messages = make_judge_messages(brief, fields, criterion.question)
        grades = await engine.choose(messages, GRADES, f"{request_id}-judge{number}")
        expected = sum(probability * int(grade) for grade, probability in grades.items())
        total += criterion.weight * (expected - 1) / (len(GRADES) - 1)
        weight += criterion.weight
    return min(1.0, max(0.0, total / weight))


async def judge_candidates(
    candidates: Sequence[Candidate], request: Request, judge: JudgeConfig, engine: TextEngine
) -> list[Candidate]:
    """Return the candidates, those that passed every check with the judge's verdict."""
    brief = tell_brief(request)
    passed = [candidate for candidate in candidates if candidate.passed]
    verdicts = await asyncio.gather(
        *(judge_text(brief, c.fields, judge, engine, f"{request.request_id}-{c.index}") for c in passed)
    )
    judged = {candidate.index: verdict for candidate, verdict in zip(passed, verdicts, strict=True)}
    return [c.model_copy(update={"judge": judged[c.index]}) if c.index in judged else c for c in candidates]


def make_judge_messages(brief: str, fields: Fields, question: str) -> Messages:
    """Return the judge's chat turns for one criterion. The text to judge is quoted data."""
    text = "\n".join(f"{name}: {clean(item)}" for name, items in fields.items() for item in items)
    system = "You grade advertising copy. You answer with one digit from 1 (no) to 5 (fully)."
    user = f"Brief: {brief}\n\nCopy:\n{text}\n\n{question} Answer with one digit, 1 to 5."
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def tell_brief(request: Request) -> str:
    """Return the brief in one line, for the judge."""
    brief = request.brief
    parts = [brief.brand, brief.product_name, brief.description[:MAX_DESCRIPTION], "; ".join(brief.key_messages)]
    return ". ".join(clean(part) for part in parts if part)
