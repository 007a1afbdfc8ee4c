"""Configs from YAML: what is read, and how each kind of mistake is named."""

from typing import Any

import pytest
import yaml

from factory.config.load import MAX_BYTES, apply_overrides, find_line, load_config
from factory.errors import JobError
from schemas.job import Job
from schemas.placement import Placement

JOB = """\
name: ad-copy
briefs: briefs.parquet
columns:
  product_name: title
output: out
placements: [google_rsa]
locales:
  - en-US
  - de-DE
text:
  template: ad.j2
  candidates: 4
  sampling: {temperature: 0.5}
execution:
  text:
    replicas: auto
"""


def fail(text: str, *overrides: str) -> str:
    with pytest.raises(JobError) as caught:
        load_config(Job, text, "job.yaml", overrides)
    assert caught.value.hint
    return caught.value.message


def test_a_valid_job_is_read_with_its_overrides() -> None:
    job = load_config(Job, JOB, "job.yaml", ["text.candidates=2", "locales=[ja-JP]", "price.per_gpu_hour=1.5"])
    assert (job.text.candidates, job.locales, job.price.per_gpu_hour) == (2, ["ja-JP"], 1.5)
    assert job.text.sampling.temperature == 0.5


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("placements:", "placement:", "job.yaml line 6: unknown key placement; did you mean placements?"),
        (
            "candidates: 4",
            "temperature: 1",
            "job.yaml line 12: unknown key text.temperature; it belongs in text.sampling.temperature",
        ),
        (
            "temperature: 0.5",
            "colour: 1",
            "line 13: unknown key text.sampling.colour; the keys here are temperature, top_p",
        ),
        ("candidates: 4", "candidates: lots", "line 12: text.candidates: should be a valid integer"),
        ("candidates: 4", "candidates: 0", "line 12: text.candidates: should be greater than or equal to 1, not 0"),
        ("template: ad.j2", "adapters: {}", "line 10: text.template: is missing"),
        ("name: ad-copy", "seed: 1", "line 1: name: is missing"),
        ("name: ad-copy", "name: 2026-11-23", "line 1: name: should be text, and YAML reads this as a date"),
        ("  - en-US", "  - no", "line 8: locales[0]: should be text, and YAML reads this as a yes/no value"),
        ("  - de-DE", "  - klingon", "line 9: locales[1]: 'klingon' is not a BCP 47 locale"),
        ("placements: [google_rsa]", "placements: google_rsa", "line 6: placements: should be a list: [google_rsa]"),
        ("text:\n  template", "text:\n\ttemplate", "line 11: found character '\\t'"),
        ("output: out", "name: twice", "line 5: the key 'name' is there twice, first on line 1"),
        ("title", "{{ brand }} {{ title }}", "line 4: "),
        ("title", "{{ brand }}", "line 4: a value that starts with { needs quotes"),
        ("output: out", "output: !!python/object/apply:os.system [id]", "line 5: could not determine a constructor"),
        ("output: out", "output: 2026-13-40", "line 5: cannot read this value (month must be in 1..12)"),
    ],
)
def test_a_mistake_is_named_by_key_and_line(old: str, new: str, expected: str) -> None:
    assert old in JOB
    assert expected in fail(JOB.replace(old, new, 1))


def test_all_mistakes_come_at_once_one_a_line() -> None:
    message = fail(JOB.replace("candidates: 4", "candidates: -1").replace("output:", "outputs:"))
    lines = message.splitlines()
    assert len(lines) == 3 and all(line.startswith("job.yaml line ") for line in lines)
    assert any("outputs" in line for line in lines) and any("output: is missing" in line for line in lines)


def test_the_list_of_mistakes_is_capped() -> None:
    message = fail(JOB + "".join(f"odd_{number}: 1\n" for number in range(50)))
    assert len(message.splitlines()) == 21 and message.endswith("… and 30 more")


def test_choices_of_a_union_make_one_line() -> None:
    message = fail(JOB.replace("replicas: auto", "replicas: many"))
    assert len(message.splitlines()) == 1
    assert "line 16: execution.text.replicas: should be a valid integer" in message and "'auto'" in message


def test_a_mistake_in_an_override_names_the_assignment_and_no_line() -> None:
    message = fail(JOB, "text.candidates=lots", "text.canddates=2", "judge.rubrik=r.yaml")
    assert "--set text.candidates=lots: text.candidates: should be a valid integer" in message
    assert "--set text.canddates=2: unknown key text.canddates; did you mean text.candidates?" in message
    assert "--set judge.rubrik=r.yaml: judge.rubric: is missing" in message
    assert "line" not in message


def test_a_mistake_beside_an_override_keeps_its_line() -> None:
    assert "job.yaml line 12: text.candidates" in fail(
        JOB.replace("candidates: 4", "candidates: x"), "text.max_repairs=1"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "job.yaml is empty"),
        ("# only a comment\n", "job.yaml is empty"),
        ("- a\n", "job.yaml holds a list"),
        ("just text", "job.yaml holds a text"),
        ("a: 1\n---\nb: 2\n", "line 2: expected a single document"),
        ("a: [1, 2\n", "line 2: "),
        ("a: *nowhere\n", "line 1: found undefined alias"),
        ("a: \x00", "job.yaml: "),
        ("a: \ud800", "job.yaml: "),
        ("a: " + "9" * 5000, "line 1: cannot read this value"),
        ("a: " + "[" * 60 + "]" * 60, "line 1: is nested more than 40 deep"),
        ("[" * 5000, "is nested more than 40 deep"),
        ("a: " + "x" * MAX_BYTES, "job.yaml is over 1,000,000 bytes"),
        ("a: &a [*a]\n", "nested more than 40 deep"),
        (
            "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
            "stands for over 100,000 values",
        ),
    ],
)
def test_text_that_is_no_config_is_refused(text: str, expected: str) -> None:
    assert expected in fail(text)


def test_aliases_within_bounds_are_read_and_change_apart() -> None:
    text = JOB + "price: &p {currency: EUR}\nbudget: {tokens: 5}\n"
    assert load_config(Job, text, "job.yaml").price.currency == "EUR"
    shared: dict[str, Any] = {"x": 1}
    assert apply_overrides({"a": shared, "b": shared}, ["a.x=2"]) == {"a": {"x": 2}, "b": {"x": 1}}


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("columns.offer.text=promo", {"columns": {"product_name": "title", "offer.text": "promo"}}),
        ("columns.price={{ cost }}: {{ x }}", {"columns": {"product_name": "title", "price": "{{ cost }}: {{ x }}"}}),
        ("columns.price={{ cost }}", {"columns": {"product_name": "title", "price": "{{ cost }}"}}),
        (
            "execution.text.engine_options.block.size=16",
            {"execution": {"text": {"engine_options": {"block.size": 16}}}},
        ),
        ("name=2026", {"name": "2026"}),
        ("name=no", {"name": "no"}),
        ('name="2026"', {"name": "2026"}),
        ("seed=5", {"seed": 5}),
        ("budget.deadline=null", {"budget": {"deadline": None}}),
        ("text.sampling.top_k=40", {"text": {"sampling": {"top_k": 40}}}),
        ("briefs=s3://in/a=b/", {"briefs": "s3://in/a=b/"}),
    ],
)
def test_an_override_lands_where_the_model_has_it(assignment: str, expected: dict[str, Any]) -> None:
    assert (
        apply_overrides({"columns": {"product_name": "title"}}, [assignment], Job)
        == {"columns": {"product_name": "title"}} | expected
    )


def test_overrides_apply_in_order_and_leave_their_input_alone() -> None:
    data: dict[str, Any] = {"a": {"b": 1}, "c": None}
    assert apply_overrides(data, ["a.b=2", "a.b=3", "c.d=x"]) == {"a": {"b": 3}, "c": {"d": "x"}}
    assert data == {"a": {"b": 1}, "c": None}


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("text.candidates", "--set text.candidates: is not KEY=VALUE"),
        ("=2", "is not KEY=VALUE"),
        ("text..candidates=2", "is not KEY=VALUE"),
        ("locales.0=de-DE", "--set locales.0=de-DE: locales is a list, not a map of keys"),
        ("name.first=x", "name is a text, not a map of keys"),
    ],
)
def test_an_override_that_cannot_be_laid_is_refused(assignment: str, expected: str) -> None:
    with pytest.raises(JobError, match="--set") as caught:
        apply_overrides({"locales": ["en-US"], "name": "x"}, [assignment], Job)
    assert expected in caught.value.message and caught.value.hint


def test_a_line_is_found_by_path_and_falls_back_to_what_is_above() -> None:
    assert find_line(JOB, ["text", "sampling", "temperature"]) == 13
    assert find_line(JOB, ["locales", 1]) == 9
    assert find_line(JOB, ["text", "nothing"]) == 10


def test_a_rule_over_the_whole_config_names_its_file() -> None:
    text = "id: x\nchannel: c\ntitle: t\nconfidence: low\nsources: [s]\nverified: today\n"
    text += "fields:\n- {name: a, min: 9, max: 3}\n"
    with pytest.raises(JobError, match=r"x\.yaml line 8: fields\[0\]: field a: min 9 is above max 3"):
        load_config(Placement, text, "x.yaml")


def test_a_library_that_makes_dates_text_for_all_does_not_change_ours() -> None:
    import lmformatenforcer.external.jsonschemaobjectutil  # noqa: F401  # comes with vLLM

    assert yaml.safe_load("2026-11-23") == "2026-11-23"  # it does
    assert "YAML reads this as a date" in fail(JOB.replace("name: ad-copy", "name: 2026-11-23", 1))
