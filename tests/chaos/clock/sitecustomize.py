"""Sets the clock of every Python process that finds this file on its path: CHAOS_CLOCK seconds are added to the time.

The system's own clock belongs to others. A preloaded C library (libfaketime) breaks the timed waits of Ray's workers, so
Python's ways to ask for the time are replaced; `datetime` is written in C, so its table of methods is reached by reference.
"""

import ctypes
import datetime
import gc
import os
import time

SHIFT = float(os.environ.get("CHAOS_CLOCK", "0"))
_REAL = {"time": time.time, "time_ns": time.time_ns}
_METHODS = gc.get_referents(datetime.datetime.__dict__)[0]


def shift_time() -> float:
    """Stands for `time.time`. A function of a module: Ray pickles it by its name."""
    return float(_REAL["time"]()) + SHIFT


def shift_time_ns() -> int:
    """Stands for `time.time_ns`."""
    return int(_REAL["time_ns"]()) + int(SHIFT * 1e9)


def shift_method(name: str) -> None:
    """Replace a method of `datetime` that asks for the time."""
    real = _METHODS[name].__get__(None, datetime.datetime)
    _METHODS[name] = staticmethod(lambda *zone, **named: real(*zone, **named) + datetime.timedelta(seconds=SHIFT))


if SHIFT:
    time.time, time.time_ns = shift_time, shift_time_ns
    for each in ("now", "utcnow"):
        shift_method(each)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))
