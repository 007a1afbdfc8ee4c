"""The command itself: help, usage errors, interrupts, and one JSON object at the end."""

import subprocess
import sys
from pathlib import Path

import pytest

from factory.cli import main
from factory.errors import ConservationError, EngineError, FactoryError, JobError, OutputError, StorageError
from factory.runs import driver, status
from tests.support.commands import call_here
from tests.support.jobs import check_message, make_job

VERBS = ["run", "retry", "plan", "status", "report", "preview-layout", "doctor", "bench"]
BENCHES = ["engine", "overhead", "resume", "creatives", "backdrops", "random-pipeline"]


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of the command in this process."""
    monkeypatch.setattr("sys.argv", ["factory", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def list_verbs(said: str) -> list[str]:
    """The names that a help text lists below "Commands:"."""
    return [line.split()[0] for line in said.partition("Commands:\n")[2].splitlines() if line.startswith("  ")]


def test_help_names_every_verb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    assert list_verbs(said) == VERBS
    assert "jobs/ad_copy" in said
    assert call(monkeypatch, "bench", "--help") == 0
    assert list_verbs(capsys.readouterr().out) == BENCHES
    assert call(monkeypatch, "run", "--help") == 0
    said = capsys.readouterr().out
    assert all(
        option in said for option in ("--briefs", "--output", "--limit", "--set", "--fresh", "--json", "Exit codes")
    )


@pytest.mark.parametrize("verb", [*VERBS, *(f"bench {bench}" for bench in BENCHES)])
def test_every_verb_has_help_of_its_own(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *verb.split(), "--help") == 0
    assert f"factory {verb} [OPTIONS]" in capsys.readouterr().out.partition("\n")[0]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["run"], "JOB"),
        (["run", "x", "--lim", "5"], "--limit"),
        (["run", "x", "--limit", "0"], "--limit"),
        (["run", "x", "y"], "y"),
        (["runn", "x"], "runn"),
        (["bench", "everything"], "everything"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what(
    arguments: list[str], word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *arguments) == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(JobError, 2), (OutputError, 2), (StorageError, 1), (EngineError, 1), (ConservationError, 1)],
)
def test_an_error_of_ours_is_a_message_and_its_code(
    error: type[FactoryError], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error("what and where", "what to do")

    monkeypatch.setattr(driver, "run_job", fail)
    assert call(monkeypatch, "run", "x") == code
    assert capsys.readouterr().err == "error: what and where\n  fix: what to do\n"


@pytest.mark.integration
def test_an_interrupt_says_that_finished_work_is_safe_and_ends_at_once() -> None:
    program = (
        "import sys\nfrom factory.cli import main\nfrom factory.runs import driver\n"
        "def interrupt(*_):\n    raise KeyboardInterrupt\n"
        "driver.run_job = interrupt\nsys.argv = ['factory', 'run', 'a job']\nmain.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3
    assert done.stderr == "stopped: finished requests are safe. Go on with: factory run 'a job'\n"


def test_a_defect_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(status, "find_status", break_down)
    monkeypatch.setattr("sys.argv", ["factory", "status", "x"])
    with pytest.raises(ZeroDivisionError):
        main.main()


def test_asking_about_an_output_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    for verb in ("status", "report"):
        check_message(call_here(verb, tmp_path / "none"), 2, "holds no run")
    assert not (tmp_path / "none").exists()


def test_names_with_spaces_and_other_scripts_work(tmp_path: Path) -> None:
    job = make_job(tmp_path / "été 夜 [1]")
    ended = call_here("plan", job, "--json")
    assert ended.code == 0, ended.err
    assert ended.data["rows"] == 2
