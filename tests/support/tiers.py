"""The three tiers of tests, and what the first of them must not start: Ray, the command, vLLM, a server, the network."""

import ipaddress
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

TIERS = ("unit", "integration", "slow")  # from quick to long

# Words in a command line that starts what a unit test must not start.
_TOLD_BY = ("factory.cli.main", "factory.cli import main", "use_ray", "ray.init", "gcs_server", "raylet")
_PROGRAMS = ("factory", "weed", "vllm", "ray", "chromium", "chromium-browser", "google-chrome")

_is_guarded = False
_has_hook = False


def find_tier(marks: Iterable[str], fixtures: Iterable[str], path: str) -> str:
    """Return the tier of a test with these marks and fixtures in the file `path` (from the repository's root).

    A mark of a tier decides. Without one, what the test takes decides: an engine, a browser or the folder chaos/ makes it
    slow, an S3 server or a Ray cluster integration, and everything else is unit.
    Raises ValueError for two marks of tiers, or one of a quicker tier than what the test takes allows.
    """
    names = set(marks)
    needed = "unit"
    if "s3" in names or {"s3", "bucket", "ray_cluster"} & set(fixtures):
        needed = "integration"
    if {"engine", "browser"} & names:
        needed = "slow"
    told = [tier for tier in TIERS if tier in names]
    if len(told) > 1:
        raise ValueError(f"it is marked {' and '.join(told)}: a test has one tier")
    if told and TIERS.index(told[0]) < TIERS.index(needed):
        raise ValueError(f"it is marked {told[0]} and takes what makes it {needed}")
    if told:
        return told[0]
    return "slow" if path.startswith("tests/chaos/") else needed


def guard(is_unit: bool) -> None:
    """From now on, until called again, let what a unit test must not do fail; or let everything be done."""
    global _is_guarded, _has_hook
    _is_guarded = is_unit
    if is_unit and not _has_hook:
        sys.addaudithook(_check)  # for the rest of this process: Python takes none away
        _has_hook = True


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if not _is_guarded:
        return
    if event == "subprocess.Popen":
        _check_command(arguments[0], arguments[1])
    elif event == "socket.connect":
        _check_address(arguments[1])
    elif event == "import" and arguments[0] in ("vllm", "diffusers"):
        refuse(f"imports {arguments[0]}")


def _check_command(program: Any, words: Any) -> None:
    told = [os.fsdecode(word) for word in ([words] if isinstance(words, (str, bytes)) else words or [program])]
    line = " ".join(told)
    if any(word in line for word in _TOLD_BY) or Path(told[0]).name in _PROGRAMS:
        refuse(f"starts {line[:200]!r}")


def _check_address(address: Any) -> None:
    if not isinstance(address, tuple):
        return  # a socket file of this machine
    host = str(address[0])
    try:
        is_here = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        is_here = host == "localhost"
    if not is_here:
        refuse(f"connects to {host}")


def refuse(what: str, *_arguments: Any, **_options: Any) -> None:
    """Fail the unit test that is running because of what it does."""
    pytest.fail(f"a unit test {what}: mark it integration or slow (tests/conftest.py)")
