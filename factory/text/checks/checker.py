"""A candidate becomes checks: hard rules with a verdict and a reason. Never raises for a text, whatever it holds.

`make_context` once a request, then `check_candidate` for each candidate; `check_item` and `check_set` tell only failures.
The rules themselves are in functions in the files of this folder, by id in `registry.py`.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from factory.errors import JobError
from factory.text.checks.context import CheckContext
from factory.text.checks.registry import ALWAYS, EDITORIAL, FIELD_ADVICE, PLACEMENT, SETS, Rule, Takes, get_advice
from factory.text.checks.well_formed import find_cut, find_incomplete, find_misfit, find_newline
from factory.text.checks.words import Item, make_item, quote
from schemas.job import CheckConfig
from schemas.outcome import Check, Fields
from schemas.placement import Placement, TextField
from schemas.request import Request

__all__ = [
    "CheckContext",
    "check_candidate",
    "check_item",
    "check_set",
    "explain_failures",
    "is_whole",
    "make_context",
    "trust_items",
    "validate_rules",
]

MOST_DETAILS = 6  # faults named per rule; a 15-headline set need not list all
_LIMIT = re.compile(r"at (most|least) (\d+)")
_FOUND = dict[str, list[str]]  # rule id -> details


def make_context(
    request: Request, placement: Placement, config: CheckConfig, prompt_texts: Sequence[str]
) -> CheckContext:
    """Return what checking this request needs. `prompt_texts` are the instructions that must not show up in copy."""
    idle = _list_idle_rules(request, placement, config)
    order = _list_rules(tuple(_field_rules(placement)), tuple(placement.rules), idle)
    return CheckContext(request, placement, config, tuple(prompt_texts), order, idle)


def trust_items(ctx: CheckContext, passed: Fields) -> None:
    """Take the word of an earlier context of the same request for items that passed there: they are not judged again."""
    ctx.memo.update({(name, text): () for name, items in passed.items() for text in items})


def check_item(text: str, field: TextField, ctx: CheckContext) -> list[Check]:
    """Return the item rules that `text` fails as an item of `field`; empty when it passed all."""
    return [
        Check(rule=rule, passed=False, detail=f"{field.name}: {quote(text)} {found}")
        for rule, found in _judge(text, field, ctx)
    ]


def is_whole(text: str, field: TextField, ctx: CheckContext) -> bool:
    """Whether `text` has no fault that trimming its end could fix. Only the rules on ends are asked: trying is cheap."""
    item = ctx.make_item(text)
    only_legal_line = not item.text and item.whole
    return bool(only_legal_line) or not (find_cut(item, ctx, field) or find_incomplete(item, ctx, ""))


def check_set(fields: Fields, ctx: CheckContext) -> list[Check]:
    """Return the rules over the whole that `fields` fail: counts, uniqueness, required text, language, placement rules."""
    return [_fail(rule, details) for rule, details in _judge_set(fields, ctx).items()]


def check_candidate(fields: Fields, ctx: CheckContext) -> list[Check]:
    """Return one check for every rule that applies, passed or failed, in a stable order: item rules, then set rules."""
    found: _FOUND = {}
    for field in ctx.placement.fields:
        items = fields.get(field.name, ())
        for number, text in enumerate(items, 1):
            failures = _judge(text, field, ctx)
            place = f"{field.name} {number}" if field.max_count > 1 else field.name
            for rule, problem in failures:
                found.setdefault(rule, []).append(f"{place}: {quote(text)} {problem}")
    for rule, details in _judge_set(fields, ctx).items():
        found.setdefault(rule, []).extend(details)
    if not found:
        return list(_pass_all(ctx.rule_order))
    return [_fail(rule, found[rule]) if rule in found else _pass(rule) for rule in ctx.rule_order]


def validate_rules(placement: Placement) -> None:
    """Raise JobError, naming placement, field and the nearest known rule, for a rule id that does not exist or is misused."""
    takes: dict[str, Takes] = {name: rule.takes for name, rule in EDITORIAL.items()}
    for field in placement.fields:
        for rule in field.rules:
            _validate_rule(rule, f"placement {placement.id}, field {field.name}", takes)
    for rule in placement.rules:
        _validate_rule(
            rule, f"placement {placement.id}", takes | {name: whole.takes for name, whole in PLACEMENT.items()}
        )


def explain_failures(checks: Iterable[Check]) -> list[str]:
    """Return one order per fault, for the repair prompt: "headline 3: shorten to at most 30 characters"."""
    orders = [
        _explain(check.rule, line)
        for check in checks
        if not check.passed
        for line in check.detail.splitlines() or [""]
    ]
    return list(dict.fromkeys(orders))


def _explain(rule: str, line: str) -> str:
    place, _, found = line.partition(": ")
    limit = _LIMIT.search(found)
    if rule == "length" and limit is not None:
        order = "shorten to at most" if limit[1] == "most" else "lengthen to at least"
        return f"{place}: {order} {limit[2]} characters"
    if rule == "count" and limit is not None:
        return f"{place}: write at {limit[1]} {limit[2]} items"
    advice = get_advice(rule).replace("{argument}", limit[2] if limit else "fewer")
    return f"{place}: {advice}; it {found}" if advice and found else line or rule


def _judge(text: str, field: TextField, ctx: CheckContext) -> tuple[tuple[str, str], ...]:
    """Return the failed item rules of a text as (rule, what was found); each text of a field is judged once a request."""
    key = (field.name, text)
    known = ctx.memo.get(key)
    if known is None:
        known = ctx.memo[key] = tuple(_judge_again(text, field, ctx))
    return known


def _judge_again(text: str, field: TextField, ctx: CheckContext) -> list[tuple[str, str]]:
    misfit = find_misfit(text, field)
    failures = [("length", misfit)] if misfit else []
    if field.source != "model":  # the brief's own value, word for word
        return failures
    item = ctx.make_item(text)
    if newline := find_newline(item, field):
        failures.append(("newline", newline))
    if not item.text and item.whole:  # an item of its own for the legal line
        return failures
    if cut := find_cut(item, ctx, field):
        failures.append(("cut_off", cut))
    for name, rule, argument in _resolve(tuple(field.rules), ctx.idle_rules):
        if found := rule.find(item, ctx, argument):
            failures.append((name, found))
    return failures


def _judge_set(fields: Fields, ctx: CheckContext) -> _FOUND:
    found = {
        rule: details
        for rule, (find, _) in SETS.items()
        if rule not in ctx.idle_rules and (details := find(fields, ctx))
    }
    whole: Item | None = None
    for name in ctx.placement.rules:
        rule, _, argument = name.partition(":")
        if rule in PLACEMENT:
            problem = PLACEMENT[rule].find(fields, ctx, argument)
        else:
            whole = whole or make_item("\n".join(t for f in ctx.placement.written for t in fields.get(f.name, ())))
            problem = EDITORIAL[rule].find(whole, ctx, argument)
        if problem:
            found.setdefault(rule, []).append(f"asset: {problem}")
    return found


@lru_cache(maxsize=1024)
def _resolve(rules: tuple[str, ...], idle: frozenset[str]) -> tuple[tuple[str, Rule, str], ...]:
    """Return the rules that a field's texts must pass, with their arguments: those that always hold, then its own."""
    always = [(name, rule, "") for name, rule in ALWAYS.items() if name not in idle]
    own = [(name, EDITORIAL[name], argument) for name, _, argument in (rule.partition(":") for rule in rules)]
    return (*always, *own)


def _field_rules(placement: Placement) -> list[str]:
    return [rule for field in placement.written for rule in field.rules]


@lru_cache(maxsize=1024)
def _list_rules(
    field_rules: tuple[str, ...], placement_rules: tuple[str, ...], idle: frozenset[str]
) -> tuple[str, ...]:
    named = (rule.partition(":")[0] for rule in (*field_rules, *placement_rules))
    editorial = (name for name in named if name not in PLACEMENT)
    every = dict.fromkeys([*FIELD_ADVICE, *ALWAYS, *editorial, *SETS, *_only_placement(placement_rules)])
    return tuple(rule for rule in every if rule not in idle)


def _only_placement(rules: Sequence[str]) -> list[str]:
    return [name for rule in rules if (name := rule.partition(":")[0]) in PLACEMENT]


def _list_idle_rules(request: Request, placement: Placement, config: CheckConfig) -> frozenset[str]:
    """Return the rules with nothing to hold: no list, no disclaimer, no field that carries it."""
    brief = request.brief
    carries = any(field.carries_disclaimer for field in placement.fields)
    idle = {
        "must_avoid": not (brief.must_avoid or config.must_avoid),
        "competitor": not (brief.competitors or config.competitors),
        "trademark": not config.trademarks,
        "personal_attributes": not config.personal_attributes,
        "must_include": not brief.must_include,
        "disclaimer": not (brief.disclaimer and carries),
        "short_item": not any(field.short for field in placement.fields),
        "requires": not any(field.requires for field in placement.fields),
    }
    return frozenset([rule for rule, is_idle in idle.items() if is_idle])


@lru_cache(maxsize=256)
def _pass(rule: str) -> Check:
    return Check(rule=rule, passed=True)


@lru_cache(maxsize=1024)
def _pass_all(rules: tuple[str, ...]) -> tuple[Check, ...]:
    return tuple(map(_pass, rules))


def _fail(rule: str, details: Sequence[str]) -> Check:
    more = [f"asset: and {len(details) - MOST_DETAILS} more"] if len(details) > MOST_DETAILS else []
    return Check(rule=rule, passed=False, detail="\n".join([*details[:MOST_DETAILS], *more]))


def _validate_rule(rule: str, where: str, known: dict[str, Takes]) -> None:
    name, colon, argument = rule.partition(":")
    if name not in known:
        nearest = difflib.get_close_matches(name, known, 1, 0.5)
        raise JobError(
            f"{where}: unknown rule {name!r}",
            f"did you mean {nearest[0]!r}?" if nearest else f"rules are {', '.join(sorted(known))}",
        )
    takes = known[name]
    if takes == "number" and not argument.isdecimal():
        raise JobError(f"{where}: rule {rule!r} needs a number after the colon", f"write {name}:2")
    if takes == "text" and not argument:
        raise JobError(f"{where}: rule {rule!r} needs text after the colon", f"write {name}:…")
    if not takes and colon:
        raise JobError(f"{where}: rule {name!r} takes nothing after a colon", f"write {name}")
