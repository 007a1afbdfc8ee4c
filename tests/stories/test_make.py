"""The Makefile, dry: what `make` would do in a checkout that is fresh, set up, or changed."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.paths import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the files that `make` looks at, and no .venv."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "constraints-gpu.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    outer = ("MAKE", "UV_", "PIP_", "PYTHON", "ARGS", "ENGINE")  # these tests may themselves run under make
    environ = {name: value for name, value in os.environ.items() if not name.startswith(outer)} | variables
    return subprocess.run(["make", *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=60)


def set_up(folder: Path, venv: str = ".venv") -> None:
    """Make it look as if everything were installed."""
    (folder / venv / "bin").mkdir(parents=True)
    for name in ("bin/uv", ".installed", ".installed-dev"):
        (folder / venv / name).touch()


def test_make_alone_lists_every_target(checkout: Path) -> None:
    said = make(checkout).stdout
    assert all(f"  {target} " in said for target in ("run", "test", "check", "install", "pin", "help"))


def test_a_fresh_checkout_is_set_up_with_the_pins_before_the_job_runs(checkout: Path) -> None:
    lines = make(checkout, "-n", "run", "ARGS=--limit 3").stdout.splitlines()
    steps = ("-m venv .venv", "-e '.[cpu]' -c constraints.txt", ".venv/bin/factory run jobs/ad_copy --limit 3")
    places = [next(number for number, line in enumerate(lines) if step in line) for step in steps]
    assert places == sorted(places)
    assert not any("dev]" in line for line in lines)


def test_what_is_set_up_is_not_set_up_again_until_a_pin_changes(checkout: Path) -> None:
    set_up(checkout)
    for target in ("run", "test", "check"):
        assert "pip install" not in make(checkout, "-n", target).stdout
    later = time.time() + 10
    os.utime(checkout / "constraints.txt", (later, later))
    assert "-e '.[cpu]'" in make(checkout, "-n", "run").stdout
    assert "-e '.[cpu,dev]'" in make(checkout, "-n", "test").stdout


def test_gpus_get_an_environment_and_pins_of_their_own(checkout: Path) -> None:
    set_up(checkout)
    said = make(checkout, "-n", "install", "ENGINE=gpu").stdout
    assert "--python .venv-gpu/bin/python -e '.[gpu]' -c constraints-gpu.txt" in said


def test_a_python_that_does_not_fit_is_named(checkout: Path) -> None:
    old = checkout / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    done = make(checkout, "run", f"PYTHON={old}")
    assert done.returncode
    assert "needs Python 3.11 or 3.12; found: Python 3.9.2" in done.stdout
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"PIP_FIND_LINKS": ""}, None),
        ({"PIP_FIND_LINKS": "/wheels"}, "/wheels"),
        ({"PIP_FIND_LINKS": "/wheels  /more"}, "/wheels,/more"),
        ({"PIP_FIND_LINKS": "/wheels", "UV_FIND_LINKS": "/own"}, "/own"),
    ],
)
def test_uv_looks_where_pip_looks(checkout: Path, variables: dict[str, str], expected: str | None) -> None:
    (checkout / "Makefile").open("a").write("\nshow:\n\t@env\n")
    lines = make(checkout, "show", **variables).stdout.splitlines()
    found = [line.partition("=")[2] for line in lines if line.startswith("UV_FIND_LINKS=")]
    assert found == ([] if expected is None else [expected])
