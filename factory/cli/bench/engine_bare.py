"""The peer of `factory bench engine`: vLLM's AsyncLLM alone, all prompts of a round handed over at once.

Run as `python -m factory.cli.bench.engine_bare FOLDER`. Engine arguments are the factory's own for the same job; there are
no checks, no judge, no log probabilities and no Ray. Prompts become tokens inside the measured time, as they do in the factory.
"""

import asyncio
import json
import os
import pickle
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from factory.cli.bench.rounds import load_prompts, wait_for_gate, write_result
from factory.engines.base import EngineConfig, Messages, Prompt
from factory.engines.process_guard import start_guard
from factory.engines.vllm.options import build_arguments, prepare_environment

SIDE = "peer"
READY = "peer-ready"


async def serve_rounds(folder: Path) -> None:
    """Load the engine, then do each round when its gate opens, and write down its seconds and tokens."""
    config: EngineConfig = pickle.loads((folder / "engine").read_bytes())
    prepare_environment(config)
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.async_llm import AsyncLLM

    arguments = AsyncEngineArgs(**build_arguments(config, 0))
    engine = AsyncLLM.from_engine_args(arguments, usage_context=UsageContext.LLM_CLASS)
    guard = start_guard(child.pid for child in psutil.Process().children(recursive=True))
    tokenizer = engine.get_tokenizer()
    (folder / READY).touch()
    for number, prompts in enumerate(load_prompts(folder)):
        wait_for_gate(folder, SIDE, number, os.getppid())
        began = time.monotonic()
        tokens = await asyncio.gather(*(_generate(engine, tokenizer, prompt) for prompt in prompts))
        seconds = time.monotonic() - began
        write_result(folder / f"{SIDE}-{number}", {"seconds": seconds, "output_tokens": sum(tokens)})
    engine.shutdown()
    guard.communicate()


async def _generate(engine: Any, tokenizer: Any, prompt: Prompt) -> int:
    from vllm import SamplingParams
    from vllm.inputs.engine import tokens_input
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    parameters = SamplingParams(
        **{name: value for name, value in prompt.sampling.model_dump().items() if value is not None},
        n=prompt.n,
        seed=prompt.seed,
        max_tokens=prompt.max_tokens,
        output_kind=RequestOutputKind.FINAL_ONLY,
        structured_outputs=StructuredOutputsParams(json=json.dumps(prompt.json_schema, ensure_ascii=False)),
    )
    tokens = tokens_input(_encode(tokenizer, prompt.messages))
    stream = engine.generate(tokens, parameters, f"{prompt.request_id}-peer")
    final = [output async for output in stream][-1]
    return sum(len(output.token_ids) for output in final.outputs)


def _encode(tokenizer: Any, messages: Messages) -> list[int]:
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    tokens: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return tokens


if __name__ == "__main__":
    asyncio.run(serve_rounds(Path(sys.argv[1])))
