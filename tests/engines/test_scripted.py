"""The scripted engine: fits any schema, in the locale's language, the same each time, and bad when it is told to be."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from factory.config.placements import load_placements
from factory.engines.base import Completion, EngineConfig, Generation, Prompt
from factory.engines.scripted.canned_copy import load_copy
from factory.engines.scripted.engine import ScriptedTextEngine
from factory.errors import EngineError, JobError
from factory.text.prompts.builder import PromptBuilder
from factory.text.write import TextSettings, write_request
from schemas.job import CheckConfig, Sampling, TextConfig, TextExecution
from tests.support.builders import make_brief, make_request
from tests.support.paths import ROOT

HEADLINE = {"type": "string", "pattern": "^[A-Za-z ,.]{10,30}$"}
SCHEMA = {
    "type": "object",
    "properties": {
        "headline": {
            "type": "array",
            "minItems": 3,
            "maxItems": 3,
            "items": {"type": "string", "pattern": "^[A-Za-z ,.]{10,30}$"},
        },
        "description": {"type": "string", "pattern": "^[A-Za-z ,.]{12,90}$"},
    },
    "required": ["headline", "description"],
}


def make_engine(**options: Any) -> ScriptedTextEngine:
    return ScriptedTextEngine(EngineConfig("scripted", TextExecution(engine_options=options), 7))


def make_prompt(locale: str = "en-US", **changes: Any) -> Prompt:
    values: dict[str, Any] = {
        "messages": [
            {"role": "system", "content": "You write advertising copy from facts alone."},
            {
                "role": "user",
                "content": f"<brief>\nLocale: {locale}\nProduct: Wanderer Boots\nBrand: Daybird\n</brief>",
            },
        ],
        "json_schema": SCHEMA,
        "max_tokens": 400,
        "sampling": Sampling(),
        "seed": 7,
        "n": 4,
        "request_id": "r-1",
    }
    return Prompt(**(values | changes))


def write(engine: ScriptedTextEngine, prompt: Prompt) -> list[Completion]:
    generation: Generation = asyncio.run(engine.generate(prompt))
    return generation.completions


def fits(completion: Completion) -> bool:
    """Whether it is the object that SCHEMA describes."""
    try:
        data = json.loads(completion.text)
        return (
            len(data["headline"]) == 3
            and all(re.fullmatch(r"[A-Za-z ,.]{10,30}", item) for item in data["headline"])
            and bool(re.fullmatch(r"[A-Za-z ,.]{12,90}", data["description"]))
        )
    except (ValueError, TypeError):
        return False


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ja-JP", "ar-SA"])
def test_every_placement_gets_an_accepted_candidate(locale: str) -> None:
    """Through the real prompts, checks and repairs, with the sample job's template."""
    text = TextConfig(template="ad.j2", candidates=4)
    source = (ROOT / "jobs" / "ad_copy" / "templates" / "ad.j2").read_text(encoding="utf-8")
    placements = load_placements([])
    settings = TextSettings(PromptBuilder(source, "ad.j2", text), placements, CheckConfig(), max_repairs=2, keep=1)
    failed = []
    for name in placements:
        request = make_request(placement=name, locale=locale, brief=make_brief(locale=locale))
        outcome = asyncio.run(write_request(request, settings, make_engine()))
        if outcome.quarantine or not any(all(c.passed for c in each.checks) for each in outcome.candidates):
            failed.append(name)
    # A Japanese headline of ten letters is 20 wide: none can be the short one that this placement asks for.
    assert failed == []


def test_the_same_prompt_gets_the_same_texts_and_another_seed_others() -> None:
    texts = [done.text for done in write(make_engine(), make_prompt())]
    assert texts == [done.text for done in write(make_engine(), make_prompt())]
    assert len(set(texts)) > 1, "candidates differ"
    assert texts != [done.text for done in write(make_engine(), make_prompt(seed=8))]


def test_text_is_in_the_language_of_the_locale_line() -> None:
    schema = {"type": "object", "properties": {"body": {"type": "string", "minLength": 20, "maxLength": 90}}}
    for language, locale in (("de", "de-AT"), ("ja", "ja-JP"), ("ar", "ar-EG"), ("en", "en-GB"), ("en", "sv-SE")):
        prompt = make_prompt(locale, json_schema=schema)
        bodies = {json.loads(done.text)["body"] for done in write(make_engine(), prompt)}
        known = {*load_copy(language).sentences, *load_copy(language).headlines}
        assert all(any(text in body for text in known) for body in bodies), locale


def test_the_product_or_brand_is_named_in_some_texts() -> None:
    done = [completion.text for seed in range(10) for completion in write(make_engine(), make_prompt(seed=seed))]
    assert any("Wanderer Boots" in text for text in done)


def test_a_text_message_names_the_sender_and_the_way_out() -> None:
    schema = {"type": "object", "properties": {"body": {"type": "string", "pattern": "^[A-Za-z ,.:'-]{20,140}$"}}}
    messages = [
        {"role": "user", "content": "Locale: en-US\nBrand: Daybird\nEnd with how to opt out, as in Reply STOP."}
    ]
    for completion in write(make_engine(), make_prompt(json_schema=schema, messages=messages)):
        body = json.loads(completion.text)["body"]
        assert body.startswith("Daybird: ") and "STOP" in body


def test_tokens_are_counted_and_max_tokens_cuts() -> None:
    whole = write(make_engine(), make_prompt())[0]
    assert whole.finished and len(whole.text) / 6 < whole.num_tokens < len(whole.text) / 2
    assert whole.mean_logprob is not None and whole.mean_logprob < 0
    cut = write(make_engine(), make_prompt(max_tokens=10))[0]
    assert not cut.finished and cut.num_tokens == 10 and not fits(cut)


@pytest.mark.parametrize("fault", ["broken_json", "wrong_type", "over_long", "ungrounded", "leak", "mixed"])
def test_each_fault_spoils_the_answer_and_a_repair_is_good(fault: str) -> None:
    engine = make_engine(fault=fault, fault_rate=1.0)
    prompt = make_prompt()
    answers = write(engine, prompt)
    if fault == "leak":
        assert all(prompt.messages[0]["content"] in done.text for done in answers)
    else:
        assert not any(fits(done) for done in answers)
    repair = make_prompt(attempt=1)
    assert all(fits(done) for done in write(engine, repair))
    stubborn = make_engine(fault=fault, fault_rate=1.0, stubborn=True)
    assert [done.text for done in write(stubborn, repair)] != [done.text for done in write(engine, repair)]


def test_rates_are_shares_and_candidates_fail_independently() -> None:
    engine = make_engine(fault="ungrounded", fault_rate=0.5, refuse_rate=0.25)
    spoilt: list[int] = []
    for seed in range(400):
        try:
            spoilt.append(sum(not fits(done) for done in write(engine, make_prompt(seed=seed))))
        except ValueError:
            continue
    assert 260 <= len(spoilt) <= 340
    assert 0.42 <= sum(spoilt) / len(spoilt) / 4 <= 0.58
    assert 0 in spoilt and 4 in spoilt


def test_an_engine_that_should_die_stays_dead() -> None:
    engine = make_engine(die_after=2)
    write(engine, make_prompt())
    write(engine, make_prompt())
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: engine.generate(make_prompt()),
        lambda: engine.choose([{"role": "user", "content": "x"}], ["1", "2"], "j"),
    ]
    for call in calls:
        with pytest.raises(EngineError, match="dead"):
            asyncio.run(call())  # type: ignore[arg-type]


def test_a_delay_is_kept_and_reported() -> None:
    began = time.perf_counter()
    generation: Generation = asyncio.run(make_engine(delay_ms=30).generate(make_prompt()))
    assert time.perf_counter() - began >= 0.03
    assert generation.seconds == 0.03


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"fault_rat": 0.1}, "did you mean fault_rate"),
        ({"max_num_seqs": 4}, "not an option of the scripted engine"),
        ({"fault": "broken"}, "broken_json"),
        ({"fault_rate": 1.5}, "1.5"),
        ({"die_after": "soon"}, "soon"),
        ({"stubborn": "yes"}, "yes"),
    ],
)
def test_wrong_options_are_refused_by_name(options: dict[str, Any], says: str) -> None:
    with pytest.raises(JobError, match=f"engine_options.{next(iter(options))} ") as caught:
        make_engine(**options)
    assert says in str(caught.value)


def test_a_schema_that_no_text_fits_is_at_fault() -> None:
    schema = {"type": "object", "properties": {"code": {"type": "string", "pattern": "^[0-9]{4,4}$"}}}
    with pytest.raises(ValueError, match="no en text for code"):
        write(make_engine(), make_prompt(json_schema=schema))


def test_the_judge_prefers_plain_copy_and_its_probabilities_sum_to_one() -> None:
    engine = make_engine()

    def judge(copy: str) -> float:
        messages = [{"role": "user", "content": f"Brief: boots\n\nCopy:\n{copy}\n\nAnswer with one digit, 1 to 5."}]
        grades = asyncio.run(engine.choose(messages, ["1", "2", "3", "4", "5"], "r-judge"))
        assert sum(grades.values()) == pytest.approx(1.0)
        return sum(int(grade) * probability for grade, probability in grades.items())

    good = judge("headline: Socks made for long trails\ndescription: Soft merino keeps feet fresh on every hike.")
    for bad in ("headline: Socks socks socks socks", "headline: BUY NOW!!! 100% BEST", "headline: Lamp"):
        assert judge(bad) < good - 0.5
