"""The guard over processes that would outlive the one that started them, with real processes and SIGKILL."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.integration  # trees of real processes

SLEEP = "[sys.executable, '-c', 'import time; time.sleep(120)']"
# Each prints the pids of what it starts, then waits to be killed.
BEGIN = (
    "import subprocess, sys, time\n"
    "from factory.engines.process_guard import stop_tracking, start_tracking_guard, start_guard\n"
)
END = "\ntime.sleep(1)\nprint('ready', flush=True)\ntime.sleep(120)\n"
FOLLOWED = f"""
elder = subprocess.Popen({SLEEP}, start_new_session=True)
guard = start_tracking_guard()
child = subprocess.Popen([sys.executable, '-c', '''
import subprocess, sys, time
print(subprocess.Popen({SLEEP}, start_new_session=True).pid, flush=True)
time.sleep(120)'''], start_new_session=True)
print(child.pid, flush=True)
time.sleep(1)
"""
LATER = f"stop_tracking(guard)\ntime.sleep(0.5)\nlater = subprocess.Popen({SLEEP}, start_new_session=True)\n"


def kill_program(program: str, pids: int) -> list[psutil.Process]:
    """Run a program until it is ready, kill it, and return the processes that it has printed, oldest pid first."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(pids)]
        found = [psutil.Process(pid) for pid in sorted(map(int, lines))]
        assert running.stdout.readline() == "ready\n"
        assert all(process.is_running() for process in found)
        running.send_signal(signal.SIGKILL)
    return found


def wait_gone(process: psutil.Process, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_what_is_started_after_a_follower_ends_with_the_one_that_started_it() -> None:
    child, grandchild = kill_program(BEGIN + FOLLOWED + END, 2)
    assert wait_gone(child) and wait_gone(grandchild)


@pytest.mark.parametrize(("more", "name"), [("", "elder"), (LATER, "later")])
def test_what_is_older_than_it_or_comes_when_it_was_let_be_is_not_its_business(more: str, name: str) -> None:
    program = BEGIN + FOLLOWED + more + f"print({name}.pid, flush=True)" + END
    found = kill_program(program, 3)
    time.sleep(2)
    left = [process for process in found if not wait_gone(process, 0.1)]
    assert left == [found[0] if name == "elder" else found[-1]]
    left[0].kill()


def test_a_guard_over_given_processes_ends_those() -> None:
    program = f"{BEGIN}child = subprocess.Popen({SLEEP}, start_new_session=True)\nguard = start_guard([child.pid])\n"
    (child,) = kill_program(program + "print(child.pid, flush=True)" + END, 1)
    assert wait_gone(child)
