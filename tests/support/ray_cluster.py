"""A Ray cluster in a process of its own: prints its address, and takes its last node away when told to.

`python -m tests.support.ray_cluster NODES` answers each line on standard input with one on standard output; the end of
input ends it.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from tests.support.paths import ROOT

NODE_CPUS = 2


class RayCluster:
    """The process, seen from outside. Its workers find S3 by the environment that the cluster was started with."""

    def __init__(self, env: Mapping[str, str], nodes: int = 1) -> None:
        """Start it; returns when commands can join at `address`. Raises RuntimeError when Ray does not come up."""
        for is_last in (False, False, True):  # on a busy machine its processes do not always find one another in time
            self._process = _start(env, nodes)
            try:
                self.address = self._read().removeprefix("address ")
            except RuntimeError:
                self.stop()
                if is_last:
                    raise
            else:
                break

    def remove_node(self) -> None:
        """End a node at once; returns when it is gone."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write("remove\n")
            self._process.stdin.flush()
            self._read()

    def stop(self) -> None:
        """End the cluster."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=30)

    def _read(self) -> str:
        """The next answer; Ray's own words on the same stream are passed over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("address ") or line.strip() == "removed":
                return line.strip()
        raise RuntimeError("the cluster ended")


def _start(env: Mapping[str, str], nodes: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.ray_cluster", str(nodes)],
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        start_new_session=True,  # Ctrl-C in pytest must not end it before the tests that use it
    )


def main() -> None:
    """Serve until standard input ends."""
    os.environ.setdefault(
        "RAY_worker_niceness", "0"
    )  # as the factory starts its own: with 15 they starve when it is busy
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": NODE_CPUS, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=NODE_CPUS) for _ in range(1, int(sys.argv[1]))]
    cluster.wait_for_nodes()
    os.environ.pop("RAY_ADDRESS", None)
    print(f"address {cluster.address}", flush=True)
    for _ in sys.stdin:
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print("removed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
