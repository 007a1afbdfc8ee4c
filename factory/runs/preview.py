"""What a run would do, known without an engine: rows, requests, the first prompt, its schema, tokens, and every mistake."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from factory.briefs.duplicates import Duplicates
from factory.briefs.read import REPLACED, read_split
from factory.briefs.requests import make_requests
from factory.briefs.splits import InputSplits
from factory.config.job import LoadedJob, RunSpec
from factory.engines.base import Prompt
from factory.errors import InputError, JobError
from factory.journal.segments import Finished
from factory.text.checks.checker import check_candidate, make_context, validate_rules
from factory.text.prompts.answer_schema import build_schema, list_shapes
from factory.text.prompts.answers import set_fixed_fields
from factory.text.prompts.builder import PromptBuilder
from schemas.brief import Brief
from schemas.locales import get_language
from schemas.outcome import Refusal
from schemas.request import Request

CHARS_PER_TOKEN = 3.5  # of prompts, for the estimate only; English is about 4 with common tokenizers
EXAMPLES = 20  # refusals kept to show


@dataclass(frozen=True, slots=True)
class Preview:
    """Counts are of the rows that were read: all of them when `is_whole`, else scaled up from the first ones."""

    is_whole: bool
    num_rows: int
    num_briefs: int
    num_refused: int
    num_requests: int
    by_placement_locale: dict[tuple[str, str], int]
    request_ids: list[str]
    pictures: list[str]  # of each of these requests the address of its product picture, "" for none
    refusals: list[Refusal]
    locales: list[str]
    first_prompt: Prompt | None
    prompt_tokens: int
    output_tokens: int

    def count_new(self, finished: Finished) -> int:
        """Return how many of the requests no segment file holds yet."""
        new = len(self.request_ids) - int(finished.contains(self.request_ids).sum())
        return new if self.is_whole else round(new * self.num_requests / max(1, len(self.request_ids)))


def preview_job(spec: RunSpec, source: InputSplits, duplicates: Duplicates, max_rows: int) -> Preview:
    """Read up to `max_rows` rows and say what they come to.

    Raises JobError for a template that fails on a real brief, an unknown rule in a placement, or a prompt and answer
    that do not fit the model's length; InputError when there is no row at all.
    """
    loaded = spec.loaded
    if not source.num_rows:
        raise InputError(f"{loaded.briefs_uri} holds no rows", "look at what wrote it; nothing was started")
    for placement in loaded.placements.values():
        validate_rules(placement)
    builder = PromptBuilder(loaded.template_source, loaded.template_where, loaded.job.text, loaded.examples)
    check_examples(loaded)
    tally = _Tally(spec, builder)
    for item in _read_rows(source, loaded.job.columns, duplicates, max_rows):
        tally.add(item)
    scale = 1.0 if tally.num_rows >= source.num_rows else source.num_rows / max(1, tally.num_rows)
    return tally.conclude(source, scale)


def check_examples(loaded: LoadedJob) -> None:
    """Raise JobError when an example breaks a rule that it is there to teach."""
    for number, example in enumerate(loaded.examples, start=1):
        for name, fields in example.ad_copy.items():
            if name not in loaded.placements:
                continue
            placement = loaded.placements[name]
            locale = example.brief.locale or loaded.job.locales[0]
            request = Request(request_id="", brief=example.brief, placement=name, locale=locale, seed=0)
            context = make_context(request, placement, loaded.job.checks, ())
            failed = [
                c for c in check_candidate(set_fixed_fields(fields, request, placement), context) if not c.passed
            ]
            if failed:
                raise JobError(
                    f"{loaded.job.text.examples}: example {number}, {name}: {failed[0].rule}: {failed[0].detail}",
                    "fix the example: the model imitates it",
                )


def list_schemas(spec: RunSpec, preview: Preview) -> dict[str, dict[str, Any]]:
    """Return every JSON schema that the run can ask for, by a label that names placement, language and variant."""
    languages = sorted({get_language(locale) for locale in [*spec.loaded.job.locales, *preview.locales]})
    schemas = {}
    for placement in spec.loaded.placements.values():
        for language in languages:
            for shape in list_shapes(placement, language):
                label = f"{placement.id}, {language}{', numbers' if shape.numbers else ''}, {shape.reserve} reserved"
                schemas[label] = build_schema(placement, shape)
    return schemas


def _read_rows(
    source: InputSplits, columns: dict[str, str], duplicates: Duplicates, max_rows: int
) -> Iterator[Brief | Refusal]:
    left = max_rows
    for split in source.splits:
        for item in read_split(split, columns, duplicates):
            if left == 0:
                return
            left -= 1
            yield item


class _Tally:
    """Counts rows and requests as they come, and renders each placement's first prompt."""

    def __init__(self, spec: RunSpec, builder: PromptBuilder) -> None:
        self._spec = spec
        self._builder = builder
        self._prompts: dict[str, Prompt] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._ids: list[str] = []
        self._pictures: list[str] = []
        self._refusals: list[Refusal] = []
        self.num_rows = self.num_briefs = self._num_replaced = 0

    def add(self, item: Brief | Refusal) -> None:
        """Count one row."""
        self.num_rows += 1
        if item is REPLACED:
            self._num_replaced += 1
            return
        if isinstance(item, Refusal):
            if len(self._refusals) < EXAMPLES:
                self._refusals.append(item)
            return
        self.num_briefs += 1
        loaded = self._spec.loaded
        placements = list(loaded.placements.values())
        for request in make_requests(item, placements, loaded.job.locales, self._spec.identity):
            self._counts[request.placement, request.locale] += 1
            self._ids.append(request.request_id)
            self._pictures.append(request.brief.image_uri)
            if request.placement not in self._prompts:
                self._render(request)

    def conclude(self, source: InputSplits, scale: float) -> Preview:
        """Return the counts, scaled to the whole input."""
        num_requests = round(len(self._ids) * scale)
        mean_prompt, mean_output = self._mean_tokens()
        return Preview(
            is_whole=scale == 1.0,
            num_rows=source.num_rows + len(source.refusals),
            num_briefs=round(self.num_briefs * scale),
            num_refused=round((self.num_rows - self.num_briefs - self._num_replaced) * scale) + len(source.refusals),
            num_requests=num_requests,
            by_placement_locale={key: round(count * scale) for key, count in sorted(self._counts.items())},
            request_ids=self._ids,
            pictures=self._pictures,
            refusals=[*source.refusals, *self._refusals][:EXAMPLES],
            locales=sorted({locale for _, locale in self._counts}),
            first_prompt=next(iter(self._prompts.values()), None),
            prompt_tokens=round(mean_prompt * num_requests),
            output_tokens=round(mean_output * num_requests * self._spec.loaded.job.text.candidates),
        )

    def _mean_tokens(self) -> tuple[float, float]:
        sizes = [_estimate_tokens(prompt) for prompt in self._prompts.values()]
        answers = [prompt.max_tokens / CHARS_PER_TOKEN for prompt in self._prompts.values()]
        return sum(sizes) / max(1, len(sizes)), sum(answers) / max(1, len(answers))

    def _render(self, request: Request) -> None:
        placement = self._spec.loaded.placements[request.placement]
        try:
            prompt = self._builder.build(request, placement)
        except ValueError:
            return  # this brief's legal line does not fit: it will be quarantined by name; the next brief shows the prompt
        self._prompts[placement.id] = prompt
        longest = self._spec.loaded.job.execution.text.max_model_len
        needed = prompt.max_tokens + _estimate_tokens(prompt)
        if needed > longest and not self._spec.scripted:
            raise JobError(
                f"placement {placement.id} needs about {needed:,} tokens ({prompt.max_tokens:,} for the answer), and "
                f"execution.text.max_model_len is {longest:,}",
                f"--set execution.text.max_model_len={-(-needed // 512) * 512}, if the model is made for it",
            )


def _estimate_tokens(prompt: Prompt) -> int:
    return round(sum(len(message["content"]) for message in prompt.messages) / CHARS_PER_TOKEN) + 16
