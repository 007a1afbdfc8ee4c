"""A request becomes messages and a JSON schema; a failed candidate becomes a repair prompt. No model, no I/O.

A template is one Jinja2 file with the blocks `system` and `user`, and optionally `repair`. Brief text reaches it cleaned:
one line, no markup, no chat control tokens, so that data stays data.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from factory.briefs.template_values import clean, describe_brief, describe_request
from factory.config.templates import check_names, compile_template, render_block
from factory.engines.base import Messages, Prompt
from factory.errors import JobError
from factory.text.prompts.answer_schema import Shape, build_schema, count_max_tokens, find_shape, longest_item
from factory.text.prompts.answers import write_answer
from schemas.brief import Brief
from schemas.job import Example, TextConfig
from schemas.locales import get_language
from schemas.placement import Placement
from schemas.request import Request

DEFAULT_REPAIR = """{% block repair %}
A first draft was refused:
{% for problem in problems %}
- {{ problem }}
{% endfor %}
Write only {{ fields | join(', ') }}, new and without these faults.
{% endblock %}"""

# What a template can use, beside a brief: names only.
_BARE = Brief(brief_id="example", product_name="example")
_EXAMPLE = {
    "segment": {"name": "", "needs": ""},
    "locale": "",
    "language": "",
    "placement": {"id": "", "channel": "", "title": "", "guidance": "", "fields": []},
}


class PromptBuilder:
    """Builds the prompts of one job. `source` is the template's text and `where` its name in errors."""

    def __init__(self, source: str, where: str, text: TextConfig, examples: Sequence[Example] = ()) -> None:
        self._where = where
        self._text = text
        self._examples = examples
        self._shown: dict[tuple[str, str], Messages] = {}
        self._template = compile_template(source, where)
        missing = [block for block in ("system", "user") if block not in self._template.blocks]
        if missing:
            raise JobError(
                f"{where}: the template has no block {' and no block '.join(missing)}",
                "write {% block system %}…{% endblock %} and {% block user %}…{% endblock %}",
            )
        for block in ("system", "user"):
            check_names(source, where, block, _EXAMPLE | {"brief": describe_brief(_BARE, "en")})
        check_names(source, where, "repair", {"problems": [], "fields": []})
        repair_inside = "repair" in self._template.blocks
        self._bounds: dict[Shape, tuple[dict[str, Any], int]] = {}
        self._slots: dict[Shape, dict[str, Any]] = {}
        self._repair = self._template if repair_inside else compile_template(DEFAULT_REPAIR, "built-in repair")

    @property
    def writes_numbers(self) -> bool:
        """Whether the model may write digits where the brief has some."""
        return self._text.numbers != "never"

    @cached_property
    def repair_words(self) -> str:
        """What a repair prompt says beside the problems: words that must not turn up in copy."""
        values: dict[str, list[str]] = {"problems": [], "fields": []}
        return render_block(self._repair, "repair", values, self._where).strip()

    def build(self, request: Request, placement: Placement) -> Prompt:
        """Return the first prompt of a request.

        Raises ValueError when the brief's legal line does not fit the placement, JobError when the template fails.
        """
        shape = find_shape(request, placement, self.writes_numbers)
        values = self._make_values(request, placement, shape)
        json_schema, max_tokens = self._bound(placement, shape)
        messages = [
            {"role": "system", "content": self._render("system", values)},
            *self._show_examples(request.locale, placement),
            {"role": "user", "content": self._render("user", values)},
        ]
        return Prompt(
            messages=messages,
            json_schema=json_schema,
            max_tokens=max_tokens,
            sampling=self._text.sampling,
            seed=request.seed,
            n=self._text.candidates,
            request_id=request.request_id,
            adapter=request.brief.brand if request.brief.brand in self._text.adapters else "",
        )

    def build_repair(self, prompt: Prompt, names: Sequence[str], problems: Sequence[str], attempt: int) -> Prompt:
        """Return the prompt that asks for the fields `names` again and says what was wrong; `attempt` counts from 1.

        The refused text itself is not shown: small models repeat what they see.
        """
        labels = [name.replace("_", " ") for name in names]
        # A problem may quote the brief: what must be mentioned, what may not.
        values = {"problems": [clean(problem) for problem in problems], "fields": labels}
        content = render_block(self._repair, "repair", values, self._where).strip()
        *before, last = prompt.messages
        properties = {name: prompt.json_schema["properties"][name] for name in names}
        return Prompt(
            messages=[*before, {"role": last["role"], "content": f"{last['content']}\n\n{content}"}],
            json_schema=prompt.json_schema | {"properties": properties, "required": list(names)},
            max_tokens=prompt.max_tokens,
            sampling=prompt.sampling,
            seed=(prompt.seed + 7919 * attempt) % 2**31,
            n=prompt.n,
            request_id=f"{prompt.request_id}-{attempt}",
            attempt=attempt,
            adapter=prompt.adapter,
        )

    def _bound(self, placement: Placement, shape: Shape) -> tuple[dict[str, Any], int]:
        if shape not in self._bounds:
            self._bounds[shape] = (build_schema(placement, shape), count_max_tokens(placement, shape))
        return self._bounds[shape]

    def _show_examples(self, locale: str, placement: Placement) -> Messages:
        """Return the example turns, the same for every request of a placement and locale so that their prefill is shared.

        Examples are in a language, so only those of the request's language are shown.
        """
        key = (placement.id, locale)
        if key not in self._shown:
            turns: Messages = []
            for example in self._examples:
                copy = example.ad_copy.get(placement.id)
                if copy is None or get_language(example.brief.locale or locale) != get_language(locale):
                    continue
                request = Request(request_id="", brief=example.brief, placement=placement.id, locale=locale, seed=0)
                values = self._make_values(request, placement, find_shape(request, placement))
                turns.append({"role": "user", "content": self._render("user", values)})
                turns.append({"role": "assistant", "content": write_answer(copy, placement)})
            self._shown[key] = turns
        return self._shown[key]

    def _render(self, block: str, values: dict[str, Any]) -> str:
        return render_block(self._template, block, values, self._where).strip()

    def _make_values(self, request: Request, placement: Placement, shape: Shape) -> dict[str, Any]:
        return describe_request(request) | {
            "placement": self._describe_placement(placement, shape),
        }

    def _describe_placement(self, placement: Placement, shape: Shape) -> dict[str, Any]:
        """Return what a template may use of the placement; few shapes exist in a job, so each is made once."""
        if shape not in self._slots:
            self._slots[shape] = {
                "id": placement.id,
                "channel": placement.channel,
                "title": placement.title,
                "guidance": placement.guidance,
                "fields": [
                    {
                        "name": field.name,
                        "label": field.name.replace("_", " "),
                        "count": field.num_asked,
                        "is_list": field.max_count > 1,
                        "guidance": field.guidance,
                        "max": longest_item(field, shape),
                    }
                    for field in placement.written
                ],
            }
        return self._slots[shape]
