"""Joins a Ray cluster or starts a private one for the length of a run, and ends what it started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen
from typing import Any

import ray
from ray._private import auto_init_hook
from ray._private import utils as ray_settings
from ray.data import DataContext

from factory.engines.process_guard import start_tracking_guard, stop_tracking
from factory.errors import EngineError, JobError

Guard = Popen[bytes]
# Of clusters that were left in haste: closing one would end Ray under threads that still use it.
_left: list[Guard] = []


@contextmanager
def use_ray(address: str | None) -> Iterator[None]:
    """Join the cluster at `address` (or RAY_ADDRESS), or start a private one on this machine, while the block lasts.

    A private one ends with this process, however that ends: Ray's own agents would else live on for a minute or more.
    Raises JobError when there is no such cluster, EngineError when Ray does not come up.
    """
    guard = _start_guarded(address)
    try:
        yield
    except KeyboardInterrupt:  # a second signal: at once. The guard acts when this process is gone.
        _left.append(guard)
        raise
    except BaseException:
        _end_ray(guard)
        raise
    else:
        _end_ray(guard)


def list_nodes() -> set[str]:
    """Return the ids of the cluster's nodes that are alive."""
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


def _leave_signals(_handler: object) -> None:
    """Take no signal: `StopSign` has them."""


def _start_guarded(address: str | None) -> Guard:
    """Start or join, twice if need be: on a busy machine Ray's processes do not always find one another in time."""
    for is_last in (False, True):
        guard = start_tracking_guard()  # first: this process may be killed at any moment
        try:
            _start_ray(address)
        except EngineError:
            _end_ray(guard)
            if is_last:
                raise
        except BaseException:  # cut off by a second signal
            _end_ray(guard)
            raise
        else:
            stop_tracking(guard)
            break
    return guard


def _end_ray(guard: Guard) -> None:
    ray.shutdown()
    guard.communicate()  # ends what Ray has left, and waits for that


def _start_ray(address: str | None) -> None:
    """Start or join."""
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    options: dict[str, Any] = {"address": address, "log_to_driver": True, "configure_logging": True}
    if address == "local":
        options |= {"include_dashboard": False, "num_cpus": max(2, os.cpu_count() or 2)}
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    # A thread of a flow that was left would else join a cluster of its own accord, and the next start find Ray taken.
    auto_init_hook.enable_auto_connect = False
    # Ray would take SIGTERM while it starts and end this process at once, without the processes that it has started.
    ray_settings.set_sigterm_handler = _leave_signals
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise JobError(
            f"no Ray cluster at {address!r}: {error}", "unset RAY_ADDRESS to run on this machine, or start the cluster"
        ) from error
    except Exception as error:  # Ray raises plain Exception when one of its processes does not come up
        words = " ".join(str(error).split())[:300]
        raise EngineError(
            f"Ray could not start: {words}", "often too little memory or too many other programs: run it again"
        ) from error
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    context.raise_original_map_exception = True
