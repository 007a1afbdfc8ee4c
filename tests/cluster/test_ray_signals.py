"""A signal that comes while Ray starts is a wish to stop like any other: the process ends in its own way and leaves nothing."""

import os
import subprocess
import sys
import time
import uuid

import pytest

from tests.chaos.runner import find_tagged
from tests.support.paths import ROOT

pytestmark = pytest.mark.integration

PROGRAM = """
import os, signal
from ray._private import node
from factory.cluster import connection
from factory.runs.stopping import StopSign

begin = node.Node.start_head_processes

def interrupt(self):
    begin(self)  # Ray has started its processes, and is not yet connected to them
    os.kill(os.getpid(), signal.SIGTERM)
    {second}

node.Node.start_head_processes = interrupt
stop = StopSign()
with stop.watch_signals(), connection.use_ray(None):
    print("STOP", stop.reason, flush=True)
"""


def run(second: str, tag: str = "") -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(second=second)
    env = os.environ | {"OF_TEST": tag}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT, env=env
    )


def test_a_signal_while_ray_starts_is_kept_for_later() -> None:
    done = run("pass")
    assert "STOP SIGTERM was received" in done.stdout, done.stderr[-2000:]
    assert done.returncode == 0


def test_one_between_ray_s_start_and_ours_aborts_nothing() -> None:
    program = (
        "import os, ray, signal, time\nfrom factory.cluster import connection\nfrom factory.runs.stopping import StopSign\n"
        "stop = StopSign()\nwith stop.watch_signals(), connection.use_ray(None):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    stop.take_signals()\n"
        "    time.sleep(4)\n    print('STOP', stop.reason, flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "STOP SIGTERM was received\n"), done.stderr[-2000:]


def test_a_second_one_ends_the_start_and_leaves_no_process() -> None:
    tag = uuid.uuid4().hex
    done = run("os.kill(os.getpid(), signal.SIGTERM)", tag)
    assert "KeyboardInterrupt" in done.stderr
    until = time.monotonic() + 20  # what the guard has killed takes a moment to be gone
    while (left := find_tagged(f"OF_TEST={tag}")) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []


def test_a_start_that_ray_gives_up_is_tried_once_more() -> None:
    program = (
        "import ray\nfrom factory.cluster import connection\ntries = []\nreal = ray.init\n"
        "def fail_once(**options):\n    tries.append(1)\n    if len(tries) == 1:\n"
        "        raise Exception('The current node timed out during startup.')\n    return real(**options)\n"
        "ray.init = fail_once\n"
        "with connection.use_ray(None):\n    print('NODES', len(connection.list_nodes()), 'TRIES', len(tries), flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert "NODES 1 TRIES 2" in done.stdout, done.stderr[-2000:]
