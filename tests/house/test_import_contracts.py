"""The contracts of pyproject.toml hold, and each of them fails when what it forbids is done."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

# A line that breaks a contract and the file that gets it. Contracts about a library are broken by importing it in schemas.
BREACHES = {
    "Nine floors: imports run down": ("factory/errors.py", "import factory.cli.main"),
    "images: makers over parts over values": ("factory/images/types.py", "import factory.images.creative_maker"),
    "text: the loop over prompts, checks and scores": ("factory/text/lengths.py", "import factory.text.write"),
    "Engines do not know one another": ("factory/engines/vllm/clock.py", "import factory.engines.scripted.poison"),
    "No circles among siblings": ("factory/storage/retries.py", "import factory.storage.store"),
}


def run_linter(folder: Path) -> tuple[int, str]:
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    command = [sys.executable, "-c", program, "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of the house in which every contract is broken."""
    folder = tmp_path_factory.mktemp("house")
    for name in ("factory", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, line in BREACHES.values():
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    libraries = {name for contract in CONTRACTS for name in contract.get("forbidden_modules", ())}
    with (folder / "schemas/base.py").open("a", encoding="utf-8") as file:
        file.writelines(f"\nimport {name}\n" for name in sorted(libraries))
    return run_linter(folder)[1]


def test_the_house_keeps_every_contract() -> None:
    code, said = run_linter(ROOT)
    assert code == 0, said
    assert f"{len(CONTRACTS)} kept, 0 broken" in said


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["name"])
def test_each_contract_fails_when_it_is_broken(broken: str, contract: dict[str, str]) -> None:
    if contract["type"] != "forbidden":
        assert contract["name"] in BREACHES
    assert re.search(rf"^{re.escape(contract['name'])} BROKEN", broken, re.MULTILINE), broken[:4_000]
