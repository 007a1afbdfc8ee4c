"""A TextEngine around another: benches override the call that they measure."""

from collections.abc import Sequence

from factory.engines.base import Generation, Messages, Prompt, TextEngine


class WrappedEngine:
    """Hands every call on to `engine`."""

    def __init__(self, engine: TextEngine) -> None:
        self._engine = engine

    async def start(self) -> None:
        await self._engine.start()

    async def generate(self, prompt: Prompt) -> Generation:
        return await self._engine.generate(prompt)

    async def choose(self, messages: Messages, choices: Sequence[str], request_id: str) -> dict[str, float]:
        return await self._engine.choose(messages, choices, request_id)

    def read_silence(self) -> float:
        return self._engine.read_silence()

    async def stop(self) -> None:
        await self._engine.stop()
