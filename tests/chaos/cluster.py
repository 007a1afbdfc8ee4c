"""A Ray cluster of two nodes in a process of its own: prints its address, and takes the second node away when told to.

`python -m tests.chaos.cluster` answers each line on standard input with one on standard output; the end of input ends it.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from tests.chaos.runner import TAG

NODE_CPUS = 2


class Cluster:
    """The process, seen from outside. Its actors find S3 by the environment that the cluster was started with."""

    def __init__(self, env: Mapping[str, str], tag: str) -> None:
        self.tag = f"{TAG}={tag}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.cluster"],
            env={**env, TAG: tag},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.address = self._read().removeprefix("address ")

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


def main() -> None:
    """Serve until standard input ends."""
    from ray.cluster_utils import Cluster as RayCluster

    cluster = RayCluster(initialize_head=True, head_node_args={"num_cpus": NODE_CPUS, "include_dashboard": False})
    node = cluster.add_node(num_cpus=NODE_CPUS)
    cluster.wait_for_nodes()
    os.environ.pop("RAY_ADDRESS", None)
    print(f"address {cluster.address}", flush=True)
    for _ in sys.stdin:
        cluster.remove_node(node, allow_graceful=False)
        print("removed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
