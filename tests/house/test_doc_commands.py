"""Every command and every Python snippet in the documents works: it is run here, as a smaller one, or at least parsed.

A command that none of CHECKS knows fails: whoever documents a new kind says here how it is tested.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from factory.cli.main import app
from schemas.run import SCHEME
from tests.chaos import __main__ as chaos
from tests.fuzz import __main__ as fuzz
from tests.support.commands import call_here
from tests.support.documents import Block, Command, list_blocks, list_commands, split_commands
from tests.support.job_keys import is_setting
from tests.support.jobs import read_manifest
from tests.support.paths import ROOT

SMALL = ("--set", "text.model=scripted")
READS_OUTPUT = "out/"  # in a snippet: it reads what a run has written


def check_factory(words: Sequence[str], folder: Path) -> None:
    """Parse it; run it where it needs no model, cluster or bucket: `run` as `plan`, a layout in one size."""
    command = parse(typer.main.get_command(app), words)
    sets = [value for name, value in pairwise(words) if name == "--set"]
    assert [value for value in sets if not is_setting(value.partition("=")[0])] == []
    verb, *rest = words
    is_local = not any("s3://" in word or "ray_address" in word for word in rest)
    if verb in ("plan", "run") and is_local:
        run_here("plan", *(word for word in rest if word != "--fresh"), *SMALL)
    elif command == "preview-layout" and Path(rest[0]).is_file():
        run_here(*words[: words.index("--out") + 1], str(folder / "preview"), "--size", "300x250")
        assert (folder / "preview").is_dir()


def check_make(words: Sequence[str], folder: Path) -> None:
    """Let make say what it would do; a folder of that name would be a target too."""
    assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    outer = ("MAKE", "ARGS", "ENGINE", "JOBS")  # these tests may themselves run under make
    environ = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def check_python(words: Sequence[str], folder: Path) -> None:
    """The long campaigns: list the plans of the one, stop before the first case of the other."""
    assert words[0] == "-m"
    with pytest.MonkeyPatch.context() as patch:
        if words[1] == "tests.chaos":
            patch.setattr(sys, "argv", [words[1], *words[2:], "--list"])
            assert chaos.main() == 0
        else:
            assert words[1] == "tests.fuzz"
            patch.setattr(sys, "argv", list(words[1:]))
            patch.setattr(fuzz, "run_campaign", stop)
            with pytest.raises(Stopped):
                fuzz.main()


def check_ray(words: Sequence[str], folder: Path) -> None:
    """Parse it, and what it is told to run on the cluster."""
    from ray.scripts.scripts import cli

    command = parse(cli, words)
    if command != "get-auth-token":
        assert (ROOT / words[1]).is_file()
    if command == "exec":
        for each in words[-1].split("&&"):
            for inner in split_commands(each):
                check(inner, folder)


def check_export(words: Sequence[str], folder: Path) -> None:
    known = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION")
    assert {word.partition("=")[0] for word in words} <= set(known)


def check_uv(words: Sequence[str], folder: Path) -> None:
    """What is installed is an extra of this project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    match = re.fullmatch(r"\.\[(\w+)\]", words[-1])
    assert list(words[:-1]) == ["pip", "install"]
    assert match is not None
    assert match[1] in project["optional-dependencies"]


def check_diff(words: Sequence[str], folder: Path) -> None:
    """Both folders are below outputs that commands of the documents write."""
    outputs = [
        words[words.index("--output") + 1] for words in (each.words for each in list_commands()) if "--output" in words
    ]
    assert all(any(name.startswith(f"{output}/") for output in outputs) for name in words[1:])


def check_cd(words: Sequence[str], folder: Path) -> None:
    assert f"~/{words[0]}: ." in (ROOT / "cluster.yaml").read_text(encoding="utf-8")


CHECKS: dict[str, Callable[[Sequence[str], Path], None]] = {
    "factory": check_factory,
    "make": check_make,
    "python": check_python,
    "ray": check_ray,
    "export": check_export,
    "uv": check_uv,
    "diff": check_diff,
    "cd": check_cd,
}


class Stopped(Exception):
    """Raised where a campaign would begin."""


def stop(*_: object) -> None:
    raise Stopped


def check(words: Sequence[str], folder: Path) -> None:
    program, *rest = words
    assert program in CHECKS, f"how is `{program}` tested? Say so in {Path(__file__).name}"
    CHECKS[program](rest, folder)


def parse(group: Any, words: Sequence[str]) -> str:
    """Parse a command line as the program does, without running it; return the name of its verb."""
    command, name, rest = group, "", list(words)
    while hasattr(command, "commands"):
        name, *rest = rest
        assert name in command.commands, f"there is no verb {name!r}"
        command = command.commands[name]
    try:
        command.make_context(name, rest)
    except Exception as error:
        if hasattr(error, "show"):  # wrong usage: its class lies in another module in each typer
            raise AssertionError(str(error)) from error
        raise
    return name


def run_here(*words: str) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.exception or done.output


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the jobs, where commands may write."""
    shutil.copytree(ROOT / "jobs", tmp_path / "jobs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.unit
@pytest.mark.parametrize("command", list_commands(), ids=str)
def test_every_command_works(command: Command, checkout: Path) -> None:
    check(command.words, checkout)


@pytest.mark.unit
@pytest.mark.parametrize(
    "line",
    ["factory runn jobs/ad_copy", "factory run jobs/ad_copy --limits 3", "factory plan jobs/ad_copy --set text.models=x",
     "make tests", "ray upp cluster.yaml", "curl https://example.com", "uv pip install '.[tpu]'", "factory plan jobs/none"],
)  # fmt: skip
def test_a_wrong_command_is_found(line: str, checkout: Path) -> None:
    [words] = split_commands(line)
    with pytest.raises(AssertionError):
        check(words, checkout)


def list_snippets(reads_output: bool) -> list[Any]:
    blocks = [block for block in list_blocks("python") if (READS_OUTPUT in block.text) is reads_output]
    return [pytest.param(block, id=block.place) for block in blocks]


@pytest.mark.unit
@pytest.mark.parametrize("block", list_snippets(reads_output=False))
def test_every_recipe_can_be_imported(block: Block) -> None:
    exec(compile(block.text, block.place, "exec"), {"__name__": "recipe"})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Path:
    """A folder with `out/creatives`, written by the command as documented, for one brief and without a model."""
    folder = tmp_path_factory.mktemp("documented")
    options = ["--limit", "1", "--output", folder / "out/creatives", *SMALL]
    ended = call_here("run", ROOT / "jobs/creatives", *options, timeout=420, RAY_ADDRESS=ray_cluster)
    assert ended.code == 0, ended.err
    shutil.copytree(folder / "out/creatives", folder / "out/ad_copy")
    return folder


@pytest.mark.integration
@pytest.mark.parametrize("block", list_snippets(reads_output=True))
def test_every_snippet_reads_an_output(block: Block, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    exec(compile(block.text, block.place, "exec"), {"__name__": "snippet"})


@pytest.mark.integration
@pytest.mark.parametrize("verb", ["status", "report", "retry"])
def test_verbs_on_an_output_work(verb: str, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    run_here(verb, "out/ad_copy")


@pytest.mark.integration
def test_the_storage_contract_reads_what_the_manifest_counts(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    [block] = [each for each in list_blocks("python") if "def read_segments" in each.text]
    names: dict[str, Any] = {}
    exec(compile(block.text, block.place, "exec"), names)
    counts = read_manifest("out/ad_copy")["counts"]
    texts, creatives = (
        list(names["read_segments"](Path("out/ad_copy"), phase).values()) for phase in ("text", "images")
    )
    assert [texts.count(each) for each in ("accepted", "rejected")] == [counts["accepted"], counts["rejected"]]
    assert creatives.count("accepted") == counts["creatives_accepted"]
    assert f'"{SCHEME}"' in block.text
