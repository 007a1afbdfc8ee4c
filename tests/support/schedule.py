"""Which tests run when and where: whole files in one process, the long ones beside the quick ones."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.support.tiers import TIERS

# There is memory, and there are cores, for one engine at a time.
ENGINE_FILES = ("tests/stories/test_end_to_end.py", "tests/engines/test_vllm.py", "tests/chaos/test_engine_death.py")

# The longest, in the order in which they start.
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
    """Gives each process whole files of tests; the files that load vLLM count as one.

    Every other process starts with the long files, the rest with the quick ones, until they meet. Two long files side by
    side, each with Ray or an engine, take longer than one after the other beside quick ones: there are two cores.
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False  # keep the order of `sort_tests`
        super().__init__(config, log)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if int(node.gateway.id.removeprefix("gw")) % 2:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "engine" if file in ENGINE_FILES else file


def sort_tests(items: list[pytest.Item]) -> None:
    """Put the files of `LONG_FILES` first, then those with slow tests, those with unit tests alone last.

    Tests of one file stay together: they share its fixtures.
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
