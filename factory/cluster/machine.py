"""Reads what this machine has: cores, memory, processor features, NVIDIA GPUs. Limits of a container count."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
_SMI_SECONDS = 20  # a driver that hangs answers nothing at all
_FEATURES = {"amx_bf16": "AMX", "avx512f": "AVX-512", "avx2": "AVX2", "asimd": "NEON"}  # the best first


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU. Memory in bytes."""

    name: str
    memory: int
    driver: str


def count_cores(cgroup: Path = CGROUP) -> float:
    """Return how many cores this process may use at once: its affinity, cut by the container's quota."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    # "200000 100000": microseconds of CPU time per period; "max" is no limit.
    # https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    quota = _read(cgroup / "cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit() and int(quota[1]):
        cores = min(cores, int(quota[0]) / int(quota[1]))
    return cores


def read_memory(cgroup: Path = CGROUP) -> int:
    """Return the bytes of memory that this process may use: the machine's, or the container's limit."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _read(cgroup / "memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def read_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, list[str]]:
    """Return the processor's name and its vector features, the best first (empty where the system does not say)."""
    lines = [line.partition(":") for line in _read(cpuinfo).splitlines()]
    facts = {key.strip(): value.strip() for key, _, value in reversed(lines)}
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    features = [name for flag, name in _FEATURES.items() if flag in flags]
    return facts.get("model name") or platform.machine(), features


def list_gpus() -> list[Gpu]:
    """Return the NVIDIA GPUs, none where there is no driver. Raises OSError saying why when the driver does not answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SMI_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"nvidia-smi did not answer within {_SMI_SECONDS} s") from error
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise OSError(said[0] if said else f"nvidia-smi ended with status {done.returncode}")
    return [_read_gpu(line) for line in done.stdout.splitlines() if line.count(",") >= 2]


def describe_machine() -> str:
    """Return one line for a table of measurements: processor, cores, memory, GPUs."""
    name, features = read_processor()
    try:
        gpus = ", ".join(gpu.name for gpu in list_gpus()) or "no GPU"
    except OSError as error:
        gpus = f"GPU driver ill: {error}"
    extra = f" ({features[0]})" if features else ""
    return f"{name}{extra}, {count_cores():g} cores, {read_memory() / 2**30:.0f} GiB, {gpus}"


def _read_gpu(line: str) -> Gpu:
    name, memory, driver = (part.strip() for part in line.rsplit(",", 2))
    # GPUs that share the host's memory answer "[N/A]".
    return Gpu(name, int(memory) * 2**20 if memory.isdigit() else 0, driver)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
