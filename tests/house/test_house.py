"""What the import contracts cannot say: sizes, docstrings and their lists, light start, pure schemas, texts that are nobody's."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

MAX_LINES = 250
MAX_FIRST_LEVEL = 14

# schemas/ is pydantic and the standard library, without I/O, clock and randomness.
SCHEMA_LIBRARIES = ("pydantic", "pydantic_core")
NOT_IN_SCHEMAS = "io os pathlib random secrets shutil socket subprocess tempfile time uuid".split()
# What `factory --help` must not load: each would make every command wait.
HEAVY = (
    "ray vllm torch transformers sentence_transformers pandas pyarrow duckdb lingua cv2 PIL blitz_py diffusers"
).split()

FILES = [path for folder in ("schemas", "factory") for path in sorted((ROOT / folder).rglob("*.py"))]
PACKAGES = sorted(path.parent for path in (ROOT / "factory").rglob("__init__.py"))


def list_imports(source: str) -> Iterator[str]:
    """Every module and name that is imported, those inside functions included. A relative one starts with a dot."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def find_breaches(path: str, source: str) -> list[str]:
    """What a file imports and may not."""
    found = []
    for name in list_imports(source):
        top = name.split(".")[0]
        if name.startswith("."):
            found.append("relative import")
        elif name.startswith("pyarrow.fs") and not path.startswith("factory/storage/"):
            found.append("pyarrow.fs belongs to factory/storage")
        elif path.startswith("schemas/") and not is_pure(top):
            found.append(f"schemas may not import {top}")
    return found


def is_pure(library: str) -> bool:
    """Whether schemas may import it."""
    known = library in sys.stdlib_module_names or library in SCHEMA_LIBRARIES or library == "schemas"
    return known and library not in NOT_IN_SCHEMAS


def test_every_file_imports_what_it_may() -> None:
    assert len(FILES) > 250, "the tree was not found"
    breaches = {
        str(path.relative_to(ROOT)): find_breaches(str(path.relative_to(ROOT)), path.read_text()) for path in FILES
    }
    assert {path: found for path, found in breaches.items() if found} == {}


@pytest.mark.parametrize(
    ("path", "source", "breach"),
    [
        ("schemas/brief.py", "import numpy", "schemas may not import numpy"),
        ("schemas/brief.py", "from pathlib import Path", "schemas may not import pathlib"),
        ("schemas/brief.py", "def f():\n    import time", "schemas may not import time"),
        ("factory/briefs/read.py", "import pyarrow.fs", "pyarrow.fs belongs"),
        ("factory/briefs/read.py", "from pyarrow import fs", "pyarrow.fs belongs"),
        ("factory/text/write.py", "from . import judge", "relative import"),
    ],
)
def test_each_breach_is_found(path: str, source: str, breach: str) -> None:
    found = find_breaches(path, source)
    assert len(found) == 1 and breach in found[0]


def test_what_is_allowed_is_not_found() -> None:
    assert (
        find_breaches(
            "schemas/brief.py", "from decimal import Decimal\nfrom pydantic import Field\nimport schemas.base"
        )
        == []
    )
    assert find_breaches("factory/storage/store.py", "from pyarrow import fs") == []
    assert find_breaches("factory/pipeline/ray_data.py", "import ray.data\nfrom pyarrow import Table") == []


def test_the_first_level_is_small() -> None:
    entries = [path for path in (ROOT / "factory").iterdir() if path.name not in ("__init__.py", "__pycache__")]
    assert len(entries) <= MAX_FIRST_LEVEL, sorted(path.name for path in entries)


def test_no_file_is_longer_than_the_law() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in FILES}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_file_with_code_starts_with_its_docstring() -> None:
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in FILES}
    assert [path for path, source in sources.items() if source and not ast.get_docstring(ast.parse(source))] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_says_what_it_is_for_and_names_its_files(package: Path) -> None:
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    purpose, _, files = text.rpartition("\n\n")
    assert 1 <= len(purpose.splitlines()) <= 3, (
        "one to three lines: what comes in, what goes out, what is not its business"
    )
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    folders = {path.name for path in package.iterdir() if path.is_dir() and any(path.glob("*.*"))} - {"__pycache__"}
    assert sorted(files.replace("\n", " ").split(" · ")) == sorted(modules | folders)


@pytest.mark.integration
def test_help_loads_no_heavy_library() -> None:
    program = (
        "import sys\nsys.argv = ['factory', '--help']\nfrom factory.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[-1].split()
    assert loaded[0] == "LOADED"
    assert "doctor" in done.stdout
    assert set(HEAVY) & set(loaded) == set()


# Paths of one machine, and hosts of package registries: neither means anything to who clones this.
PRIVATE = re.compile(
    r"(?<![\w.~})/-])/(?:work|root)/|/(?:home|Users)/[a-z]\w*/"
    r"|\b(?:py(?:pi|thonhosted)|anaconda)\.org|\b(?:registry|download|conda|index)\.[a-z]+\.(?:org|io|dev)\b"
)


def list_texts() -> list[Path]:
    """Files that git tracks or would track (without git, all but hidden folders), binary ones left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        hidden = re.compile(r"(^|/)(\.(?!ci/)|out/|__pycache__)")
        paths = [path for path in ROOT.rglob("*") if not hidden.search(str(path.relative_to(ROOT)))]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


def test_no_text_names_a_path_of_one_machine_or_a_registry() -> None:
    texts = list_texts()
    assert ROOT / "pyproject.toml" in texts
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if PRIVATE.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_private"),
    [
        ("cache = '/wo" + "rk/cache'", True),
        ("see /ro" + "ot/.cache", True),
        ("/home" + "/ann/briefs.parquet", True),
        ("index-url = https://py" + "pi.org/simple", True),
        ("python = '/usr/bin/python3'", False),
        ("s3://bucket/work/night1", False),
        ("https://example.com/root/", False),
        ("cd ~/content-factory/work/", False),
    ],
)
def test_private_texts_are_told_from_others(line: str, is_private: bool) -> None:
    assert bool(PRIVATE.search(line)) is is_private
