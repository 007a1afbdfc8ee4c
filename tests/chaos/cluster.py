"""A Ray cluster of two nodes for a plan, its processes marked so that a campaign finds them."""

from collections.abc import Mapping

from tests.chaos.runner import TAG
from tests.support.ray_cluster import RayCluster


class Cluster(RayCluster):
    """The cluster; `tag` is what all its processes have in their environment."""

    def __init__(self, env: Mapping[str, str], tag: str) -> None:
        self.tag = f"{TAG}={tag}"
        super().__init__({**env, TAG: tag}, nodes=2)
