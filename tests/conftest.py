"""What all tests share: no verdict hangs on how busy the machine is."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.exceptions import BUILT_IN, EVERY

# Hypothesis fails an example that takes over 200 ms of wall-clock time, and a generation that is slow: on a loaded
# machine any can be.
settings.register_profile("whendue", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whendue")

# `make test` raises every eighth exception at each stage.
STEP = 8


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave a part of the general tests of bulkheads to `make thorough`, which raises every exception at every stage.

    Here each stage raises every eighth, from another one on, so that each exception is raised somewhere.
    """
    if os.environ.get(EVERY):
        return
    stages: dict[tuple[str, ...], int] = {}
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        (kept if _is_chosen(item, stages) else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def _is_chosen(item: pytest.Item, stages: dict[tuple[str, ...], int]) -> bool:
    parameters = getattr(item, "callspec", None)
    if parameters is None or "bulkheads" not in item.nodeid:
        return True
    raised = [value for value in parameters.params.values() if isinstance(value, str) and value in BUILT_IN]
    if not raised:
        return True
    stage = (item.nodeid.partition("[")[0], *(one for one in parameters._idlist if one not in BUILT_IN))
    number = stages.setdefault(stage, len(stages))
    return list(BUILT_IN).index(raised[0]) % STEP == number % STEP
