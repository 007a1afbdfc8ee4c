"""Makes a file poisonous to every Python process that finds this module on its path: whoever opens it dies, hangs or trips.

CHAOS_POISON is `act path`. Audit hooks see every file that is opened: https://docs.python.org/3/library/audit_events.html.
"""

import os
import signal
import sys
import time

ACT, _, FILE = os.environ.get("CHAOS_POISON", "").partition(" ")
FOREVER = 86_400.0  # seconds


def act(event: str, arguments: tuple[object, ...]) -> None:
    """Do what ACT says to the process or thread that opens FILE."""
    if event != "open" or str(arguments[0]) != FILE:
        return
    if ACT == "poison_kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif ACT in ("poison_block", "poison_hang"):
        time.sleep(FOREVER)
    else:
        raise RuntimeError("the file raises, as CHAOS_POISON asks")


if ACT:
    sys.addaudithook(act)
