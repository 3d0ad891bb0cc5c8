"""What all tests share: no verdict hangs on how busy the machine is, and what `make test` leaves to `make thorough`."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.builders.exceptions import BUILT_IN, EVERY, UNSHRUNK
from whendue.support import time_limit as in_time

# The mutation gate asks whether a test fails, not by which smallest example.
PHASES = [phase for phase in Phase if phase is not Phase.shrink or not os.environ.get(UNSHRUNK)]
settings.register_profile("whendue", deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whendue")

# Of the general tests of bulkheads, which raise every exception at every stage.
SAMPLED_EXCEPTIONS = int(os.environ.get("WHENDUE_ONE_EXCEPTION_OF", "8"))
# A validator's seconds are those of a clock on the wall, which a loaded machine spends on something else.
for bound in ("VALIDATION_S", "VALIDATIONS_S"):
    setattr(in_time, bound, 600)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave a part of the tests that are marked `sampled(n)` to `make thorough`: here every n-th case is run.

    Of bulkheads each stage raises one of SAMPLED_EXCEPTIONS, from another one on, so that each is raised somewhere.
    """
    stages: dict[tuple[str, ...], int] = {}
    seen: dict[str, int] = {}
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        chosen = _is_chosen_exception(item, stages) and _is_chosen_case(item, seen)
        (kept if chosen else left).append(item)
    if left and not os.environ.get(EVERY):
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def _is_chosen_case(item: pytest.Item, seen: dict[str, int]) -> bool:
    """Return whether a case is among those that are run here; each has a turn in the order of collection."""
    mark = item.get_closest_marker("sampled")
    if mark is None:
        return True
    test = item.nodeid.partition("[")[0]
    number = seen[test] = seen.get(test, -1) + 1
    return bool(number % mark.args[0] == 0)


def _is_chosen_exception(item: pytest.Item, stages: dict[tuple[str, ...], int]) -> bool:
    """Return whether a case raises one of the exceptions that its stage raises here; true of every other test."""
    parameters = getattr(item, "callspec", None)
    if parameters is None or "bulkheads" not in item.nodeid:
        return True
    raised = [value for value in parameters.params.values() if isinstance(value, str) and value in BUILT_IN]
    if not raised:
        return True
    stage = (item.nodeid.partition("[")[0], *(item for item in parameters._idlist if item not in BUILT_IN))
    number = stages.setdefault(stage, len(stages))
    return list(BUILT_IN).index(raised[0]) % SAMPLED_EXCEPTIONS == number % SAMPLED_EXCEPTIONS
