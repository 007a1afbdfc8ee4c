"""One request through one engine: write n candidates, check them, repair what failed, judge what passed.

The only step that imports other steps: it is the loop over prompt and check.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from factory.briefs.refusals import dump_record
from factory.engines.base import Completion, Generation, Messages, Prompt, TextEngine
from factory.errors import JobError
from factory.text.checks.checker import check_candidate, check_item, explain_failures, is_whole, make_context
from factory.text.judge import judge_candidates
from factory.text.lengths import fits
from factory.text.prompts.answer_schema import find_shape, longest_item
from factory.text.prompts.answers import MAX_RAW, read_fields, set_fixed_fields
from factory.text.prompts.builder import PromptBuilder
from factory.text.trim import tidy_item
from schemas.base import clean_surrogates
from schemas.job import CheckConfig
from schemas.outcome import Candidate, Check, Fields, Outcome, Refusal
from schemas.placement import Placement, TextField
from schemas.request import Request
from schemas.rubric import JudgeConfig

UNREADABLE = Check(rule="readable", passed=False, detail="the answer is not the JSON object that was asked for")


@dataclass(frozen=True, slots=True)
class TextSettings:
    """What the loop needs beside the engine. `judge` is None when no judge counts in this run."""

    builder: PromptBuilder
    placements: dict[str, Placement]
    checks: CheckConfig
    max_repairs: int
    keep: int
    judge: JudgeConfig | None = None


async def write_request(request: Request, settings: TextSettings, engine: TextEngine) -> Outcome:
    """Return all that one request came to: candidates with checks, judge verdicts and cost.

    A request that cannot be worked on (its legal line does not fit, its prompt is too long) is an outcome with
    `quarantine` set. Raises EngineError when the engine is dead.
    """
    placement = settings.placements[request.placement]
    try:
        prompt = settings.builder.build(request, placement)
        work = _Work(request, placement, settings, [*_list_shown(prompt.messages), settings.builder.repair_words])
        generation = await engine.generate(prompt)
    except ValueError as error:
        return Outcome(request=request, quarantine=_refuse(request, "unworkable_request", str(error)))
    except JobError as error:  # the template fails on this brief alone: it rendered on others before the start
        return Outcome(request=request, quarantine=_refuse(request, "template_failed", error.message))
    costs = [generation]
    work.add(generation.completions, prompt)
    for attempt in range(1, settings.max_repairs + 1):
        if work.is_enough() or not work.has_failed():
            break
        base = work.pick_for_repair()
        names = work.list_faulty_fields(base)
        problems = explain_failures(base.checks if base else [UNREADABLE])
        repair = settings.builder.build_repair(prompt, names, problems, attempt)
        try:
            generation = await engine.generate(repair)
        except ValueError:  # the prompt outgrew the model's length: what there is must do
            break
        costs.append(generation)
        work.add(generation.completions, repair, attempt, base)
    candidates = work.candidates
    if settings.judge is not None:
        candidates = await judge_candidates(candidates, request, settings.judge, engine)
    return _conclude(request, candidates, work.pool if placement.is_set else {}, costs)


class _Work:
    """The candidates of one request so far, and the pool of their good items."""

    def __init__(self, request: Request, placement: Placement, settings: TextSettings, shown: Sequence[str]) -> None:
        self._request = request
        self._placement = placement
        self._keep = settings.keep
        self._shape = find_shape(request, placement, settings.builder.writes_numbers)
        self._context = make_context(request, placement, settings.checks, shown)
        self._written: list[Fields] = []  # what the model wrote of each candidate, without what code adds
        self.candidates: list[Candidate] = []
        self.pool: Fields = {field.name: [] for field in placement.written}

    def add(
        self, completions: Sequence[Completion], prompt: Prompt, attempt: int = 0, base: Candidate | None = None
    ) -> None:
        """Read completions as candidates; those of a repair hold only the fixed fields, the others are the base's."""
        for completion in completions:
            candidate = self._read(completion, prompt, attempt, base)
            self.candidates.append(candidate)
            for field in self._placement.written:
                known = {item.casefold() for item in self.pool[field.name]}
                for item in candidate.fields.get(field.name, ()):
                    if item.casefold() not in known and not check_item(item, field, self._context):
                        self.pool[field.name].append(item)
                        known.add(item.casefold())

    def is_enough(self) -> bool:
        """Whether `keep` assets can be made: of passing candidates or, on a set placement, of the pooled items."""
        if sum(candidate.passed for candidate in self.candidates) >= self._keep:
            return True
        return self._placement.is_set and not self._list_short_fields() and not self._lacks_phrase()

    def has_failed(self) -> bool:
        """Whether there is anything to repair."""
        return not all(candidate.passed for candidate in self.candidates)

    def pick_for_repair(self) -> Candidate | None:
        """The readable candidate with the fewest failed rules is the cheapest to repair; None when none can be read."""
        failed = [candidate for candidate in self.candidates if not candidate.passed and candidate.fields]
        return min(failed, key=lambda c: (sum(not check.passed for check in c.checks), -c.index), default=None)

    def list_faulty_fields(self, base: Candidate | None) -> list[str]:
        """Return the written fields to write again: those that the pool lacks on a set placement, else those that failed.

        All of them when there is no candidate to repair.
        """
        written = [field.name for field in self._placement.written]
        if base is None:
            return written
        if self._placement.is_set:
            return self._list_short_fields() or written
        details = [line for check in base.checks if not check.passed for line in check.detail.splitlines()]
        named = {detail.partition(":")[0].partition(" ")[0] for detail in details}
        return [name for name in written if name in named] or written

    def _list_short_fields(self) -> list[str]:
        return [field.name for field in self._placement.written if self._is_short(field)]

    def _is_short(self, field: TextField) -> bool:
        items = self.pool[field.name]
        if len(items) < field.min_count:
            return True
        if field.short is None:
            return False
        limited = field.model_copy(update={"max": field.short.max})
        return sum(fits(item, limited) for item in items) < field.short.count

    def _lacks_phrase(self) -> bool:
        text = " ".join(item for items in self.pool.values() for item in items).casefold()
        return any(phrase.casefold() not in text for phrase in self._request.brief.must_include)

    def _read(self, completion: Completion, prompt: Prompt, attempt: int, base: Candidate | None) -> Candidate:
        written = read_fields(completion.text, self._placement, tuple(prompt.json_schema["properties"]))
        checks = [UNREADABLE]
        fields: Fields = {}
        if written is not None:
            notes: list[Check] = []
            written = self._drop_spare(self._tidy(written, notes), notes)
            if base is not None:
                written = {**self._written[base.index], **written}
            fields = set_fixed_fields(written, self._request, self._placement)
            checks = [*check_candidate(fields, self._context), *notes]
        self._written.append(written or {})
        return Candidate.make(
            index=len(self.candidates),
            attempt=attempt,
            repaired_from=base.index if base else None,
            fields=fields,
            raw="" if fields else clean_surrogates(completion.text[:MAX_RAW]),
            checks=checks,
            mean_logprob=completion.mean_logprob,
            seed=prompt.seed,
            output_tokens=completion.num_tokens,
        )

    def _tidy(self, written: Fields, notes: list[Check]) -> Fields:
        """Take unfinished ends off items; what was taken is noted."""
        tidied: Fields = {}
        taken = []
        for name, items in written.items():
            field = self._placement.field(name)
            longest = longest_item(field, self._shape)
            passes = partial(is_whole, field=field, ctx=self._context)
            tidied[name] = []
            for number, item in enumerate(items, start=1):
                # A space at the end was stripped, so one character less than the limit may be the limit too.
                shorter = tidy_item(item, len(item) >= longest - 1, passes)
                tidied[name].append(shorter)
                if shorter != item:
                    taken.append(f"{name} {number}: took {item[len(shorter) :]!r} off the end")
        if taken:
            notes.append(Check(rule="unfinished_end_taken_off", passed=True, detail="\n".join(taken)))
        return tidied

    def _drop_spare(self, written: Fields, notes: list[Check]) -> Fields:
        """Leave out items that fail while their field has enough without them: an optional path must not sink an ad."""
        kept: Fields = {}
        dropped = []
        for name, items in written.items():
            field = self._placement.field(name)
            failures = [check_item(item, field, self._context) for item in items]
            good = [item for item, failed in zip(items, failures, strict=True) if not failed]
            kept[name] = items if len(good) < field.min_count else good
            if len(kept[name]) < len(items):
                dropped += [
                    f"{name} {number}: {failed[0].rule}: {failed[0].detail}"
                    for number, failed in enumerate(failures, start=1)
                    if failed
                ]
        for field in self._placement.written:
            if field.requires and kept.get(field.name) and kept.get(field.requires) == [] and not field.min_count:
                dropped.append(f"{field.name}: needs {field.requires}, which was dropped")
                kept[field.name] = []
        if dropped:
            notes.append(Check(rule="spare_items_dropped", passed=True, detail="\n".join(dropped)))
        return kept


def _list_shown(messages: Messages) -> list[str]:
    """Everything the model was shown. What of it is the brief's own text, the leakage check excuses by itself."""
    return [message["content"] for message in messages]


def _conclude(request: Request, candidates: list[Candidate], pool: Fields, costs: Sequence[Generation]) -> Outcome:
    return Outcome.make(
        request=request,
        candidates=candidates,
        pool=pool,
        prompt_tokens=sum(cost.prompt_tokens for cost in costs),
        output_tokens=sum(done.num_tokens for cost in costs for done in cost.completions),
        engine_seconds=sum(cost.seconds for cost in costs),
        quarantine=None,
    )


def _refuse(request: Request, reason: str, detail: str) -> Refusal:
    return Refusal(
        stage="prompt",
        reason=reason,
        detail=detail,
        brief_id=request.brief.brief_id,
        request_id=request.request_id,
        record=dump_record(request.brief.model_dump(mode="json", exclude_defaults=True)),
    )
