"""infra/topology.yaml holds together: with itself, with the package's numbers, and with AWS's limits."""

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from localstack.topology import ROOT, Topology, own_queues, own_workers, topology
from tests.builders.world import SECRET
from whendue.declarations.registry import USER_TASKS
from whendue.quotas import MAX_LOST, NOTIFY_CONCURRENCY, NOTIFY_LANES, REDRIVE_AGE_S, WORKER_RESERVE_S
from whendue.settings import NOTIFICATIONS, QUEUES, WORKER_TIMEOUT_S, OwnQueue, Settings
from whendue.worker.batch_runner import INTERRUPT_GRACE_MS
from whendue.worker.processor import RECORD_MS

PLAN = topology()
SETTINGS = Settings("table", "bucket", dict.fromkeys(QUEUES, "url"), "url", secret=SECRET)
FUNCTIONS = sorted(PLAN.functions)


def test_a_message_stays_hidden_for_six_times_the_worker_timeout() -> None:
    """AWS's advice for queues that feed functions; with less, a throttled batch is delivered twice."""
    for trigger in (PLAN.triggers.worker, PLAN.triggers.notifier, PLAN.triggers.dead_letter):
        for queue in trigger.queues:
            owner = PLAN.queues.dead_letter if queue.endswith("dead_letter") else PLAN.queues
            assert owner.visibility_s >= 6 * PLAN.functions[trigger.function].timeout_s


def test_redrive_comes_after_the_application_has_had_its_say() -> None:
    """A job that kills its workers ends by its own count; SQS redrive is only the net."""
    assert PLAN.queues.max_receive_count > 2 * MAX_LOST


def test_the_package_and_the_topology_agree() -> None:
    """Numbers that stand in both places, as the functions run with the package's defaults."""
    assert tuple(PLAN.queues.priorities) == QUEUES
    assert PLAN.queues.notifications.queue == NOTIFICATIONS
    assert PLAN.queues.visibility_s == SETTINGS.visibility_s
    assert SETTINGS.max_timeout_s == PLAN.max_timeout_s
    assert SETTINGS.lease_s < PLAN.functions["worker"].timeout_s
    assert PLAN.bucket.expire_days * 86_400 > REDRIVE_AGE_S


def test_an_attempt_has_the_worker_s_time_but_for_what_it_takes_to_record_it() -> None:
    """What is accepted can be kept: 15 minutes, as README says."""
    assert PLAN.functions["worker"].timeout_s == WORKER_TIMEOUT_S == 900
    assert PLAN.attempts.reserve_s * 1000 == WORKER_RESERVE_S * 1000 == RECORD_MS + INTERRUPT_GRACE_MS
    assert PLAN.max_timeout_s == 897


def test_queues_of_ones_own_have_the_package_s_defaults_and_the_visibility_that_aws_advises() -> None:
    """What the topology leaves out, Terraform takes from own_default and the package from OwnQueue."""
    assert asdict(OwnQueue(60)) == PLAN.queues.own_default.model_dump() | {"timeout_s": 60}
    longest = {"a": OwnQueue(timeout_s=900, memory_mb=2048)}
    worker = own_workers(PLAN, longest)["worker-a"]
    assert PLAN.queues.visibility_s >= 6 * worker.timeout_s
    assert (worker.memory_mb, worker.handler) == (2048, PLAN.functions["worker"].handler)
    asked = {"WHENDUE_OWN_QUEUES": json.dumps({"b": {"timeout_s": 60, "weight": 8}})}
    assert own_queues(PLAN, asked) == {"b": OwnQueue(60, weight=8)}
    assert len(f"{'n' * 25}-worker-{'q' * 20}-function") <= 64, "the longest name of a role"


def test_one_tenant_cannot_take_the_notifier() -> None:
    """Each of its deliveries may hold up an invocation for as long as a receiver likes to be waited for."""
    assert PLAN.triggers.notifier.maximum_concurrency / 2 >= NOTIFY_LANES * NOTIFY_CONCURRENCY


def test_the_timer_ticks_twice_within_the_lookahead() -> None:
    """One missed tick must cost nothing (guarantee G6)."""
    assert PLAN.triggers.timer.every == "rate(1 minute)"
    assert SETTINGS.timing.lookahead_ms >= 2 * 60_000
    assert PLAN.functions["timer"].timeout_s < 60


def test_triggers_name_what_exists() -> None:
    """A misspelt queue or function would deploy and never run."""
    assert set(PLAN.triggers.worker.queues) == set(PLAN.queues.priorities)
    assert PLAN.triggers.notifier.queues == [PLAN.queues.notifications.queue], "and the worker has none of it"
    assert PLAN.triggers.dead_letter.queues == ["dead_letter", PLAN.queues.notifications.dead_letter]
    triggers = (PLAN.triggers.timer, PLAN.triggers.worker, PLAN.triggers.notifier, PLAN.triggers.dead_letter)
    assert {trigger.function for trigger in triggers} < set(PLAN.functions)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_carries_its_handler_and_only_the_worker_the_tasks(name: str) -> None:
    """All others have the manifest of the tasks, which the build puts beside their code."""
    function = PLAN.functions[name]
    sources = [*PLAN.shared_sources, *function.sources]
    for module in (function.handler.rpartition(".")[0], *([USER_TASKS] if name == "worker" else [])):
        path = module.replace(".", "/")
        assert any(f"{path}.py".startswith(source) or path.startswith(source) for source in sources), module
    assert (ROOT / f"{function.handler.rpartition('.')[0].replace('.', '/')}.py").is_file()
    assert all((ROOT / source).exists() for source in sources)


def test_the_limits_of_aws_are_kept() -> None:
    """The emulators let pass what AWS refuses.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (900 s, 128 to 10,240 MB),
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html (14 days, 12 hours),
    https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html (29 s).
    """
    assert all(function.timeout_s <= 900 for function in PLAN.functions.values())
    assert all(128 <= function.memory_mb <= 10_240 for function in PLAN.functions.values())
    assert PLAN.functions["api"].timeout_s <= 29
    for queue in (PLAN.queues, PLAN.queues.dead_letter):
        assert queue.retention_s <= 14 * 86_400
        assert queue.visibility_s <= 12 * 3600
    assert PLAN.queues.dead_letter.retention_s >= PLAN.queues.retention_s


def _misspelt(plan: dict[str, Any]) -> None:
    plan["functions"]["worker"]["timeout"] = 60


def _missing(plan: dict[str, Any]) -> None:
    del plan["queues"]["visibility_s"]


def _too_large(plan: dict[str, Any]) -> None:
    plan["triggers"]["worker"]["batch_size"] = 11


@pytest.mark.parametrize("spoil", [_misspelt, _missing, _too_large])
def test_a_mistake_in_the_topology_is_refused(spoil: Any) -> None:
    """A key that nobody reads would look like a setting."""
    plan = copy.deepcopy(yaml.safe_load(Path(ROOT / "infra/topology.yaml").read_text()))
    spoil(plan)
    with pytest.raises(ValidationError):
        Topology.model_validate(plan)
