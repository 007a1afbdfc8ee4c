"""The engine of the fuzz: it answers what a case says, in turn. What a case does not spoil, the scripted engine writes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from factory.engines.base import Completion, EngineConfig, Generation, Prompt
from factory.engines.scripted.engine import ScriptedTextEngine
from factory.engines.scripted.hostile_answers import spoil_answer
from schemas.job import TextExecution
from tests.fuzz.cases import expand


class AnswerEngine(ScriptedTextEngine):
    """A text engine whose answers are `answers`, each one of:

    `{"good": true}` · `{"raw": text}`, the whole completion · `{"put": value, "at": n}`, a good answer with the JSON value
    in its field number n · `{"add": text, "at": n}`, a good answer with the text behind its field number n ·
    `{"way": name, "at": n}`, one of `hostile_answers.WAYS`.
    """

    def __init__(self, answers: Sequence[dict[str, Any]]) -> None:
        super().__init__(EngineConfig("scripted", TextExecution(), 7))
        self._answers = answers
        self.prompts: list[Prompt] = []
        self.num_answers = 0

    async def generate(self, prompt: Prompt) -> Generation:
        """Answer, and remember the prompt."""
        self.prompts.append(prompt)
        good = await super().generate(prompt)
        return replace(good, completions=[self._spoil(completion) for completion in good.completions])

    def _spoil(self, good: Completion) -> Completion:
        answer = self._answers[self.num_answers % len(self._answers)]
        self.num_answers += 1
        return replace(good, text=_write(expand(answer), good.text))


def _write(answer: dict[str, Any], good: str) -> str:
    if "raw" in answer:
        return str(answer["raw"])
    if "good" in answer:
        return good
    fields = json.loads(good)
    name = list(fields)[answer.get("at", 0) % len(fields)]
    if "way" in answer:
        return spoil_answer(answer["way"], fields, name)
    first = fields[name][0] if isinstance(fields[name], list) else fields[name]
    value = f"{first} {answer['add']}" if "add" in answer else answer["put"]
    if isinstance(fields[name], list) and isinstance(value, str):
        value = [value, *fields[name][1:]]
    return json.dumps({**fields, name: value}, ensure_ascii=answer.get("ascii", False))
