"""What a request can do to an engine at its worst, on demand: for trying how a run copes before a real engine does it."""

import asyncio
import os
import signal
import time

ACTS = ("kill_on", "block_on", "hang_on", "raise_on")
FOREVER = 86_400.0  # seconds


async def act(name: str) -> None:
    """Do to this process what `name`, one of ACTS, says: end it, stop its event loop, never answer, or raise."""
    match name:
        case "kill_on":
            os.kill(os.getpid(), signal.SIGKILL)
        case "block_on":
            time.sleep(FOREVER)
        case "hang_on":
            await asyncio.sleep(FOREVER)
        case "raise_on":
            raise RuntimeError("the scripted engine raises, as raise_on asks")
