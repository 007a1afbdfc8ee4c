"""Is the machine up to it: processor, memory, GPUs."""

import shutil
from pathlib import Path

from factory.cli.doctor.finding import GIB, Finding, Situation
from factory.cluster.machine import count_cores, list_gpus, read_memory, read_processor


def check_processor(_situation: Situation) -> list[Finding]:
    """Cores, and the vector instructions that decide how fast the CPU engine is."""
    name, features = read_processor()
    detail = f"{name}, {count_cores():g} cores, {', '.join(features) or 'vector features unknown'}"
    if features and features[0] == "AVX2":
        fix = "fine for trying out; for a night's run take a GPU, or a processor with AVX-512 or AMX"
        return [Finding("processor", "warn", f"{detail}: no AVX-512, the CPU engine will be slow", fix)]
    return [Finding("processor", "ok", detail)]


def check_memory(_situation: Situation) -> list[Finding]:
    """Memory for engine, scoring models and Ray; and the shared memory that Ray keeps its objects in."""
    memory = read_memory()
    enough = memory >= 7 * GIB
    fix = "" if enough else "use a machine or container with 8 GiB or more"
    found = [Finding("memory", "ok" if enough else "warn", f"{memory / GIB:.1f} GiB", fix)]
    shared = Path("/dev/shm")
    if shared.is_dir() and (size := shutil.disk_usage(shared).total) < GIB:
        fix = "start the container with --shm-size=2g: without it Ray keeps its objects on disk, which is slow"
        found.append(Finding("shared memory", "warn", f"{shared} has {size / GIB:.2f} GiB", fix))
    return found


def check_gpu(situation: Situation) -> list[Finding]:
    """GPUs, and whether the engine that is installed is the one for them."""
    try:
        gpus = list_gpus()
    except OSError as error:
        fix = "reinstall NVIDIA's driver or restart the machine; in a container pass the GPUs in (--gpus all)"
        return [Finding("gpu", "fail" if situation.engine == "gpu" else "warn", f"the driver is ill: {error}", fix)]
    detail = ", ".join(f"{gpu.name} ({gpu.memory / GIB:.0f} GiB, driver {gpu.driver})" for gpu in gpus)
    if gpus and situation.engine != "gpu":
        fix = "run `make install ENGINE=gpu`, then use .venv-gpu/bin/factory"
        return [Finding("gpu", "warn", f"{detail}: not used, the CPU engine is installed", fix)]
    if not gpus and situation.engine == "gpu":
        fix = "install NVIDIA's driver (nvidia-smi must list a GPU), or run `make install` and use .venv/bin/factory"
        return [Finding("gpu", "fail", "none found, but the engine is the one for GPUs", fix)]
    return [Finding("gpu", "ok", detail or "none: the engine runs on the CPU")]
