"""What runs side by side: ``pytest -n 2``.

The tests of a file share a worker, as do those of files that share a whole deployment or the images of
the Docker engine. These longest ones begin first, one on each worker.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_LANES = {
    "deployment": (
        "test_deploy",
        "test_browser",
        "test_operate",
        "test_smoke_command",
        "test_releases",
        "test_secrets",
        "test_requirements",
    ),
    "mutations": ("test_mutations",),
    "engine": ("test_docker_image", "test_image_engine", "test_lambda_containers", "test_containers"),
}
_LANE = {file: lane for lane, files in _LANES.items() for file in files}


class Lanes(LoadScopeScheduling):
    """Hands out lanes and files, in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _LANE.get(file.rpartition("/")[2].removesuffix(".py"), file)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort by lane; what is in none keeps its order, after them."""
    order = [*_LANES, None]
    items.sort(key=lambda item: order.index(_LANE.get(item.path.stem)))
