"""Which tests run when and where: the long ones first, whole files in one process, all that load vLLM in one of them."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.tiers import TIERS

# There is memory, and there are cores, for one engine at a time.
ENGINE_FILES = ("tests/stories/test_end_to_end.py", "tests/engines/test_vllm.py", "tests/chaos/test_engine_death.py")

# The longest, in the order in which they start: one that starts last would keep one process busy alone.
LONG_FILES = (
    *ENGINE_FILES,
    "tests/chaos/test_chaos.py",
    "tests/stories/test_poison_run.py",
    "tests/stories/test_bad_pictures.py",
    "tests/cli/test_bench_resume.py",
    "tests/cli/test_bench_backdrops.py",
    "tests/output/test_publish.py",
)


class ByFile(LoadScopeScheduling):
    """Gives each process whole files of tests, in the order of the collection; the files that load vLLM count as one."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False  # keep the order of `sort_tests`
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "engine" if file in ENGINE_FILES else file


def sort_tests(items: list[pytest.Item]) -> None:
    """Put the files of `LONG_FILES` first, then those with slow tests, those with unit tests alone last.

    Short files at the end let the processes end together. Tests of one file stay together: they share its fixtures.
    """
    ranks: dict[str, int] = {}
    for item in items:
        rank = next(TIERS.index(tier) for tier in TIERS if item.get_closest_marker(tier))
        ranks[_read_file(item)] = max(ranks.get(_read_file(item), 0), rank)
    items.sort(key=lambda item: (_find_place(_read_file(item)), -ranks[_read_file(item)]))


def _find_place(file: str) -> int:
    return LONG_FILES.index(file) if file in LONG_FILES else len(LONG_FILES)


def _read_file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
