"""Sets the clock of every Python process that finds this file on its path: CHAOS_CLOCK seconds are added to the time.

The system's own clock belongs to others. A preloaded C library (libfaketime) breaks the timed waits of Ray's workers, so
Python's two ways to ask for the time are replaced; `datetime` is written in C, so its table of methods is reached by reference.
"""

import ctypes
import datetime
import gc
import os
import time

SHIFT = float(os.environ.get("CHAOS_CLOCK", "0"))


def _shift_clock() -> None:
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + SHIFT
    time.time_ns = lambda: now_ns() + int(SHIFT * 1e9)
    methods = gc.get_referents(datetime.datetime.__dict__)[0]
    for name in ("now", "utcnow"):
        real = methods[name].__get__(None, datetime.datetime)
        methods[name] = staticmethod(
            lambda *zone, real=real, **named: real(*zone, **named) + datetime.timedelta(seconds=SHIFT)
        )
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))


if SHIFT:
    _shift_clock()
