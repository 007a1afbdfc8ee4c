"""A text engine without a model: deterministic ready copy, for tests, trials and measuring everything but the engine.

It writes JSON that fits the schema, in the language of the prompt's `Locale:` line, and can be told to write bad answers
too (`execution.text.engine_options`), so that checks and repairs have work. The same prompt always gets the same answer.
"""

import asyncio
import difflib
import hashlib
import json
import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from factory.engines.base import Completion, EngineConfig, Generation, Messages, Prompt
from factory.engines.scripted import poison
from factory.engines.scripted.canned_copy import FALLBACK, TextSlot, load_copy, read_slot
from factory.engines.scripted.hostile_answers import WAYS, spoil_answer
from factory.errors import EngineError, JobError
from schemas.locales import get_language

_FAULTS = ("broken_json", "wrong_type", "over_long", "ungrounded", "leak")
_HOSTILE = "hostile"  # everything in hostile_answers.py in turn: kept out of "mixed", which is what models really do
_LOCALE = re.compile(r"^\W*Locale: *([A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)", re.MULTILINE)
_LINE = re.compile(r"^(Product|Brand): *(.+?) *$", re.MULTILINE)
_STOP = re.compile(r"\bSTOP\b|how to (?:stop|opt out)")
_COPY = re.compile(r"Copy:\n(.*?)(?:\n\n|\Z)", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")
_DICE = struct.Struct("<4I")
_SIDES = 1 << 32


@dataclass(frozen=True, slots=True)
class ScriptedOptions:
    """What `execution.text.engine_options` may hold. Rates are shares of answers, 0..1."""

    fault: str = ""  # one of _FAULTS, "mixed" for all of them in turn, or "hostile" for attacks
    fault_rate: float = 0.0
    stubborn: bool = False  # repairs get bad answers too
    refuse_rate: float = 0.0  # prompts that the engine refuses, as a model does when one is too long
    die_after: int = 0  # calls after which the engine is dead, 0 = never
    delay_ms: float = 0.0  # how long each answer takes
    kill_on: str = ""  # prompts with this text kill the process; see poison.py for these four
    block_on: str = ""
    hang_on: str = ""
    raise_on: str = ""


def read_options(options: dict[str, Any]) -> ScriptedOptions:
    """Return the options. Raises JobError for an unknown name or a value that is not one."""
    names = [field.name for field in fields(ScriptedOptions)]
    for name, value in options.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
            raise JobError(
                f"execution.text.engine_options.{name} is not an option of the scripted engine",
                f"did you mean {near[0]}? it knows: {', '.join(names)}",
            )
        if name == "fault":
            is_right = value in ("", "mixed", _HOSTILE, *_FAULTS)
        elif name == "stubborn":
            is_right = isinstance(value, bool)
        elif name in poison.ACTS:
            is_right = isinstance(value, str)
        else:
            is_right = isinstance(value, int | float) and value >= 0 and (not name.endswith("_rate") or value <= 1)
        if not is_right:
            known = (
                f"one of {', '.join((*_FAULTS, 'mixed', _HOSTILE))}"
                if name == "fault"
                else "true/false or a number in range"
            )
            raise JobError(f"execution.text.engine_options.{name} is {value!r}", f"write {known}")
    return ScriptedOptions(**{"fault": "mixed" if options.get("fault_rate") else "", **options})


class ScriptedTextEngine:
    """Picks ready copy by the hash of prompt and seed."""

    def __init__(self, config: EngineConfig) -> None:
        self._options = read_options(config.execution.engine_options)
        self._poison = [name for name in poison.ACTS if getattr(self._options, name)]
        self._calls = 0
        self._slots: dict[tuple[int, str], tuple[dict[str, Any], TextSlot]] = {}

    async def start(self) -> None:
        """Nothing to load."""

    def read_silence(self) -> float:
        """Never stalls: what blocks it blocks the event loop."""
        return 0.0

    async def stop(self) -> None:
        """Nothing to end."""

    async def generate(self, prompt: Prompt) -> Generation:
        """Write `prompt.n` texts. `seconds` is the configured delay. Raises as the protocol says, where options ask for it."""
        await self._wait()
        user = prompt.messages[-1]["content"]
        for name in self._poison:
            if getattr(self._options, name) in user:
                await poison.act(name)
        seed = hashlib.blake2b(f"{prompt.seed} {prompt.request_id} {user}".encode("utf-8", "replace")).digest()
        if _draw(seed) < self._options.refuse_rate:
            raise ValueError("the scripted engine refuses this prompt, as refuse_rate asks")
        is_spoilt = self._options.stubborn or not prompt.attempt
        language, names = _read_language(prompt.messages), _read_names(user)
        slots = [self._find_slot(name, spec, language) for name, spec in prompt.json_schema["properties"].items()]
        opt_out = load_copy(language).opt_out if _STOP.search(user) else ""
        completions = []
        for number in range(prompt.n):
            dice = _DICE.unpack(hashlib.blake2b(b"%d" % number, key=seed, digest_size=16).digest())
            answer = _write(slots, names, dice)
            if opt_out:
                _frame_message(answer, slots[0], names, opt_out)
            text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
            most = prompt.max_tokens
            if is_spoilt and dice[2] < self._options.fault_rate * _SIDES:
                text = _spoil(self._options.fault, dice[0], text, answer, slots[0], prompt)
                most = max(most, len(text) + 1) if self._options.fault == _HOSTILE else most  # nothing cuts an attack
            completions.append(_complete(text, dice[3] / _SIDES, most))
        num_characters = sum(len(turn["content"]) for turn in prompt.messages)
        return Generation(completions, 1 + num_characters // 4, self._options.delay_ms / 1000)

    async def choose(self, messages: Messages, choices: Sequence[str], request_id: str) -> dict[str, float]:
        """Grade plain, varied text higher than shouting, repetitive or boastful text; choices go from worst to best."""
        await self._wait()
        user = messages[-1]["content"]
        found = _COPY.search(user)
        grade = _grade(found.group(1) if found else user) * (len(choices) - 1)
        grade += _draw(request_id.encode("utf-8", "replace")) * 0.5 - 0.25
        weights = [math.exp(-((grade - place) ** 2)) for place in range(len(choices))]
        total = sum(weights)
        return {choice: weight / total for choice, weight in zip(choices, weights, strict=True)}

    async def _wait(self) -> None:
        self._calls += 1
        if self._options.die_after and self._calls > self._options.die_after:
            raise EngineError("the scripted engine is dead, as die_after asks", "leave die_after out")
        if self._options.delay_ms:
            await asyncio.sleep(self._options.delay_ms / 1000)

    def _find_slot(self, name: str, spec: dict[str, Any], language: str) -> TextSlot:
        """Read each field's schema object once: few exist in a job, and comparing by content would cost more than writing."""
        known = self._slots.get((id(spec), language))
        if known is None or known[0] is not spec:
            if len(self._slots) > 4096:
                self._slots.clear()
            known = self._slots[id(spec), language] = (spec, read_slot(name, spec, language))
        return known[1]


def _draw(data: bytes) -> float:
    """Return a number in 0..1 that only `data` decides."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=4).digest(), "little") / _SIDES


@lru_cache(maxsize=1024)
def _find_locale(text: str) -> str:
    found = _LOCALE.search(text)
    return get_language(found.group(1)) if found else ""


def _read_language(messages: Messages) -> str:
    """Read the last turn that names a locale: turns before it may be examples."""
    return next(filter(None, (_find_locale(turn["content"]) for turn in reversed(messages))), FALLBACK)


@lru_cache(maxsize=1024)
def _read_names(brief: str) -> dict[str, str]:
    """Return the names of `Product` and `Brand`, which make copy specific."""
    return {match.group(1): match.group(2) for match in _LINE.finditer(brief)}


def _write(slots: list[TextSlot], names: dict[str, str], dice: tuple[int, ...]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    next_text = dice[0]  # runs on over the fields, so that two fields of one kind differ
    for place, slot in enumerate(slots):
        texts = [slot.texts[(next_text + number) % len(slot.texts)] for number in range(slot.count or 1)]
        next_text += len(texts)
        name = list(names.values())[dice[1] % len(names)] if names and place == 0 else ""
        if name and slot.allowed.fullmatch(name):
            texts[0] = name
        answer[slot.name] = texts if slot.count else texts[0]
    return answer


def _frame_message(answer: dict[str, Any], slot: TextSlot, names: dict[str, str], opt_out: str) -> None:
    """Name the sender and say how to stop, as text messages must, around the first ready text that leaves room for it."""
    if slot.count:
        return
    start = f"{names['Brand']}: " if "Brand" in names else ""
    for text in (answer[slot.name], *slot.texts, ""):
        framed = f"{start}{text} {opt_out}"
        if slot.allowed.fullmatch(framed):
            answer[slot.name] = framed
            return


def _complete(text: str, draw: float, max_tokens: int) -> Completion:
    """Count about four bytes a token, as byte-pair tokenizers do for English."""
    num_tokens = 1 + len(text.encode()) // 4
    if num_tokens > max_tokens:
        return Completion(text[: max_tokens * 4], max_tokens, -0.4 - draw, finished=False)
    return Completion(text, num_tokens, -0.4 - draw, finished=True)


def _spoil(fault: str, pick: int, text: str, answer: dict[str, Any], slot: TextSlot, prompt: Prompt) -> str:
    """Make a good answer bad in the way that `fault` names; "mixed" takes one by `pick`."""
    if fault == "mixed":
        fault = _FAULTS[pick % len(_FAULTS)]
    if fault == _HOSTILE:
        return spoil_answer(WAYS[pick % len(WAYS)], answer, slot.name)
    if fault == "broken_json":
        return text[: len(text) * 2 // 3]
    value = answer[slot.name]
    first = value[0] if slot.count else value
    changed: Any = {
        "wrong_type": 7,
        "over_long": _lengthen(first, slot),
        "ungrounded": "Now only $3.21, save 77%",
        "leak": prompt.messages[0]["content"][:200],
    }[fault]
    if slot.count:
        changed = [changed, *value[1:]]
    return json.dumps({**answer, slot.name: changed}, ensure_ascii=False)


def _lengthen(text: str, slot: TextSlot) -> str:
    longer = text
    while slot.allowed.fullmatch(longer):
        longer += f" {text}"
    return longer


def _grade(text: str) -> float:
    """Return 0..1: variety of words, less for shouting, exclamation marks, digits and very little text."""
    words = _WORD.findall(text.lower())
    if not words:
        return 0.0
    variety = 2 * len(set(words)) / len(words) - 1
    shouting = sum(word.isupper() and len(word) > 1 for word in _WORD.findall(text)) / len(words)
    loud = text.count("!") + sum(character.isdigit() for character in text)
    grade: float = variety * min(1.0, len(words) / 8) - shouting - 0.1 * loud
    return max(0.0, min(1.0, grade))
