"""The text engine on vLLM's AsyncLLM, the same code on CPU and CUDA. The only file that imports vllm.

In: prompts, each with a JSON schema; out: texts that fit it, with token counts and mean log-probability. One vLLM request per
prompt, so that n texts share one prefill; the caller keeps many prompts in flight.
"""

import itertools
import json
import math
import multiprocessing
import re
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import psutil

from factory.engines.base import Completion, EngineConfig, Generation, Messages, Prompt
from factory.engines.process_guard import end_processes, start_guard
from factory.engines.vllm.clock import Pulse, SharedClock
from factory.engines.vllm.options import build_arguments, prepare_environment, runs_on_cpu, validate_engine_options
from factory.errors import EngineError, JobError

_LOGPROB_DIGITS = 3  # what lies behind depends on which prompts shared the batch: in float32 from the 7th digit on
_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM accepts as max_lora_rank
_START_HINT = "read the engine's lines above; often memory: lower execution.text.max_model_len, or free some"
_DEAD_HINT = "read the engine's log for the cause; run the job again to resume"
# What the engine process imports; loaded once, in a server process that forks it, beside the imports of this process.
_PRELOAD = ["vllm.v1.engine.core", "vllm.v1.worker.cpu_worker", "vllm.v1.executor.uniproc_executor"]


class VllmTextEngine:
    """One vLLM engine and the processes behind it. `prompt_tokens` and `cached_tokens` count since the start."""

    def __init__(self, config: EngineConfig) -> None:
        self.prompt_tokens = 0
        self.cached_tokens = 0  # of those, found in the prefix cache
        self._config = config
        self._engine: Any = None
        self._tokenizer: Any = None
        self._control = re.compile(r"(?!)")
        self._loras: dict[str, Any] = {}
        self._processes: list[psutil.Process] = []
        self._guard: Any = None
        self._clock = SharedClock()
        self._pulse = Pulse()
        self._numbers = itertools.count()

    async def start(self) -> None:
        """Load the model and answer one question. Raises JobError for a wrong option, EngineError for the rest."""
        validate_engine_options(self._config.execution.engine_options)
        arguments = build_arguments(self._config, _read_lora_rank(self._config.adapters))
        prepare_environment(self._config)
        before = set(psutil.Process().children(recursive=True))
        try:
            self._engine = _launch(arguments)
            self._processes = [child for child in _list_children() if child not in before]
            self._guard = start_guard(child.pid for child in self._processes)
            self._listen()
            self._tokenizer = self._engine.get_tokenizer()
            self._control = _match_control_tokens(self._tokenizer)
            self._loras = _make_lora_requests(self._config.adapters)
            await self.choose([{"role": "user", "content": "Answer 1 or 2."}], ["1", "2"], "warm-up")
        except BaseException as error:
            self._processes = [child for child in _list_children() if child not in before]
            await self.stop()
            if isinstance(error, JobError | EngineError) or not isinstance(error, Exception):
                raise
            raise EngineError(f"vLLM could not start on {self._config.model}: {error}", _START_HINT) from error

    async def generate(self, prompt: Prompt) -> Generation:
        """Write `prompt.n` texts that fit the schema.

        `mean_logprob` is over the tokens that the schema allows at each step, so a forced token counts 0. The seconds
        of `choose` fall on the `generate` calls in flight. Raises as the protocol says.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        if prompt.adapter and prompt.adapter not in self._loras:
            raise ValueError(f"adapter {prompt.adapter!r} was not loaded: it is not in text.adapters")
        tokens = self._encode(prompt.messages, prompt.max_tokens)
        sampling = {name: value for name, value in prompt.sampling.model_dump().items() if value is not None}
        parameters = SamplingParams(
            **sampling,
            n=prompt.n,
            seed=prompt.seed,
            max_tokens=prompt.max_tokens,
            logprobs=0,  # the chosen token's own, nothing beside it
            output_kind=RequestOutputKind.FINAL_ONLY,
            structured_outputs=StructuredOutputsParams(json=json.dumps(prompt.json_schema, ensure_ascii=False)),
        )
        with self._clock.measure() as share:
            result = await self._submit(tokens, parameters, prompt.request_id, self._loras.get(prompt.adapter))
        self.prompt_tokens += len(tokens)
        self.cached_tokens += result.num_cached_tokens or 0
        outputs = sorted(result.outputs, key=lambda output: output.index)
        return Generation([_read_completion(output) for output in outputs], len(tokens), share[0])

    async def choose(self, messages: Messages, choices: Sequence[str], request_id: str) -> dict[str, float]:
        """Return the probability of each choice, renormalised over the choices.

        Raises ValueError when a choice is not one token of this model, or the prompt is too long.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        tokens = self._encode(messages, 1)
        parameters = SamplingParams(
            temperature=0,
            max_tokens=1,
            logprobs=len(choices),
            output_kind=RequestOutputKind.FINAL_ONLY,
            structured_outputs=StructuredOutputsParams(choice=list(choices)),
        )
        result = await self._submit(tokens, parameters, request_id, None)
        found = {item.decoded_token: math.exp(item.logprob) for item in result.outputs[0].logprobs[0].values()}
        weights = {choice: found.get(choice, 0.0) for choice in choices}
        total = sum(weights.values())
        if not total:
            raise ValueError(f"none of {list(choices)} is one token of this model")
        return {choice: weight / total for choice, weight in weights.items()}

    def read_silence(self) -> float:
        """As the protocol says."""
        return self._pulse.read_silence()

    def _listen(self) -> None:
        """Note each time that the engine process sends anything, which it does once a step while it works."""
        core = self._engine.engine_core
        receive = core.get_output_async

        async def note_and_receive() -> Any:
            outputs = await receive()
            self._pulse.beat()
            return outputs

        core.get_output_async = note_and_receive

    async def stop(self) -> None:
        """End the engine and every process that `start` brought up; safe to call twice."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with suppress(Exception):  # a dead engine may fail to shut down; what it leaves is ended below
                engine.shutdown(timeout=5)
        end_processes(self._processes, seconds=10)
        self._processes = []
        if self._guard is not None:
            self._guard.stdin.close()
            self._guard.wait(timeout=10)
            self._guard = None

    def _encode(self, messages: Messages, max_tokens: int) -> list[int]:
        """Apply the model's chat template. Control tokens in the text itself are removed: they could end a turn."""
        turns = [{**turn, "content": self._control.sub("", turn["content"])} for turn in messages]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        room = self._config.execution.max_model_len - max_tokens
        if len(tokens) > room:
            raise ValueError(
                f"the prompt has {len(tokens)} tokens; with {max_tokens} for the answer only {room} fit into "
                f"execution.text.max_model_len {self._config.execution.max_model_len}"
            )
        return tokens

    async def _submit(self, tokens: list[int], parameters: Any, request_id: str, lora: Any) -> Any:
        from vllm.exceptions import VLLMClientError
        from vllm.inputs.engine import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        if self._engine is None:
            raise EngineError("the engine is not running", "call start first")
        unique = f"{request_id}-{next(self._numbers)}"
        try:
            with self._pulse.work():
                stream = self._engine.generate(tokens_input(tokens), parameters, unique, lora_request=lora)
                return [output async for output in stream][-1]  # one output: the final one
        except VLLMClientError as error:
            raise ValueError(f"vLLM refused request {request_id}: {error}") from error
        except (EngineDeadError, EngineGenerateError) as error:
            raise EngineError(f"the engine failed on request {request_id}: {error}", _DEAD_HINT) from error


def _launch(arguments: dict[str, Any]) -> Any:
    """Import vLLM and start the engine's processes.

    vLLM spawns its engine process, which then pays the imports (6 s) a second time, and it must not be forked from a
    Ray worker. A fork server does both: a fresh process, importing while this one imports, that forks the engine.
    """
    if runs_on_cpu():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOAD)
        forkserver.ensure_running()
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine import utils as processes
    from vllm.v1.engine.async_llm import AsyncLLM

    if runs_on_cpu():
        processes.get_mp_context = lambda: context
    # As for its own offline class, vLLM sizes batches for the GPU at hand: on an H100 1,024 sequences and 16,384 tokens a
    # step. Unsaid, it takes 128 and 2,048 whatever the GPU is.
    return AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments), usage_context=UsageContext.LLM_CLASS)


def _list_children() -> list[psutil.Process]:
    """List this process's descendants, without Python's own resource tracker, which serves the whole process."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if not any("resource_tracker" in part for part in child.cmdline())]


def _match_control_tokens(tokenizer: Any) -> re.Pattern[str]:
    """Match the model's special tokens as text. Raises EngineError when the model has no chat template."""
    if not tokenizer.chat_template:
        raise EngineError("the model has no chat template", "use an instruction-tuned model")
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special and str(token).strip()}
    return re.compile("|".join(sorted(map(re.escape, special), key=len, reverse=True)) or r"(?!)")


def _read_lora_rank(adapters: dict[str, str]) -> int:
    """Return the smallest rank that vLLM offers and that holds every adapter, 0 without adapters."""
    if not adapters:
        return 0
    rank = 0
    for name, folder in adapters.items():
        file = Path(folder) / "adapter_config.json"
        try:
            rank = max(rank, int(json.loads(file.read_text(encoding="utf-8"))["r"]))
        except (OSError, ValueError, KeyError) as error:
            raise JobError(
                f"adapter {name!r}: cannot read {file}: {error}", "save it with peft's save_pretrained"
            ) from error
    return next((size for size in _LORA_RANKS if size >= rank), _LORA_RANKS[-1])


def _make_lora_requests(adapters: dict[str, str]) -> dict[str, Any]:
    from vllm.lora.request import LoRARequest

    return {name: LoRARequest(name, number, adapters[name]) for number, name in enumerate(sorted(adapters), start=1)}


def _read_completion(output: Any) -> Completion:
    count = len(output.token_ids)
    known = count and output.cumulative_logprob is not None
    mean = round(output.cumulative_logprob / count, _LOGPROB_DIGITS) if known else None
    return Completion(output.text, count, mean, output.finish_reason == "stop")
