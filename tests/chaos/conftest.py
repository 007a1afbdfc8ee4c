"""The lab that the plans of one file share."""

from collections.abc import Iterator

import pytest

from tests.chaos.lab import Lab, open_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Iterator[Lab]:
    """An S3 server with a proxy before it, and what undisturbed runs come to."""
    with open_lab(tmp_path_factory.mktemp("chaos"), ray_cluster) as lab:
        yield lab
