"""A signal that comes while Ray starts is a wish to stop like any other: the process ends in its own way and leaves nothing."""

import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent

PROGRAM = """
import os, signal
from ray._private import node
from factory import cluster
from factory.stopping import StopSign

begin = node.Node.start_head_processes

def interrupt(self):
    begin(self)  # Ray has started its processes, and is not yet connected to them
    os.kill(os.getpid(), signal.SIGTERM)
    {second}

node.Node.start_head_processes = interrupt
stop = StopSign()
with stop.watch_signals(), cluster.use_ray(None):
    print("STOP", stop.reason, flush=True)
"""


def run(second: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(second=second)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT)


def list_rays() -> set[int]:
    return {
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if any("gcs_server" in part for part in each.info["cmdline"] or ())
    }


def test_a_signal_while_ray_starts_is_kept_for_later() -> None:
    done = run("pass")
    assert "STOP SIGTERM was received" in done.stdout, done.stderr[-2000:]
    assert done.returncode == 0


def test_a_second_one_ends_the_start_and_leaves_no_process() -> None:
    before = list_rays()
    done = run("os.kill(os.getpid(), signal.SIGTERM)")
    assert "KeyboardInterrupt" in done.stderr
    assert list_rays() <= before


def test_a_start_that_ray_gives_up_is_tried_once_more() -> None:
    program = (
        "import ray\nfrom factory import cluster\ntries = []\nreal = ray.init\n"
        "def fail_once(**options):\n    tries.append(1)\n    if len(tries) == 1:\n"
        "        raise Exception('The current node timed out during startup.')\n    return real(**options)\n"
        "ray.init = fail_once\n"
        "with cluster.use_ray(None):\n    print('NODES', len(cluster.list_nodes()), 'TRIES', len(tries), flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert "NODES 1 TRIES 2" in done.stdout, done.stderr[-2000:]
