"""This process's application: its adapters on AWS, configured by the environment, built once."""

import os
import sys
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from whendue.bootstrap.application import App, build
from whendue.declarations.registry import (
    BUILT_IN_CHANNELS,
    BUILT_IN_TASKS,
    MANIFEST_SETTING,
    USER_TASKS,
    Registry,
    discover,
    packages_of,
)
from whendue.declarations.resources import TaskSettings, provide
from whendue.metrics.consumption import Consumption
from whendue.quotas import ISOLATED_AT_ONCE, POOL_THREADS
from whendue.settings import Settings
from whendue.support.clock import system_clock
from whendue.tracing.spans import Tracing

if TYPE_CHECKING:
    from whendue.declarations.resources import EmailSender


@cache
def app(
    *,
    listen_s: int = 0,
    threads: int = 0,
    isolated: bool = False,
    described: bool = False,
    tasks: str = USER_TASKS,
) -> App:
    """Return this process's application, on AWS, configured by the environment.

    Args:
        isolated: this process was started for one suspect, and runs it itself.
        listen_s: how long a call to SQS may wait for a message.
        threads: how many threads may call AWS at once; a function's have connections enough.
        described: this process runs no task of users, and imports none where there is a manifest of them.
        tasks: packages of tasks, separated by commas, where WHENDUE_TASKS does not name them.

    Raises:
        ConfigurationError: a setting, or the task manifest, is not right. A module of tasks that cannot be imported is
            logged, and left out.
    """
    from whendue.adapters.aws import CONNECTIONS, READ_TIMEOUT_S, DeferredClient, client, parameter
    from whendue.adapters.child_processes import DESCRIBED, ChildProcesses
    from whendue.adapters.dynamodb.store import DynamoStore
    from whendue.adapters.s3 import S3Blobs
    from whendue.adapters.side_by_side import WideQueue, WideStore
    from whendue.adapters.sqs import SqsQueue
    from whendue.adapters.threads import ThreadPool, ThreadRunner
    from whendue.adapters.timer_invoker import LambdaInvoker

    _put_task_secrets()
    # Tasks' own calls are tried again by their jobs, not behind their backs; a function may run for 15 minutes.
    once = {"retries": {"total_max_attempts": 1}}
    allowed = TaskSettings.from_env(os.environ)
    provide("settings", lambda: allowed)
    provide("sesv2", lambda: _sender_of_mails(once))
    provide("sns", lambda: client("sns", **once))
    provide("lambda", lambda: client("lambda", **once, read_timeout=900))
    settings, clock, pool = Settings.from_env(os.environ, parameter), system_clock(), ThreadPool(POOL_THREADS)
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    urls = {**settings.queues, **settings.dead_letter_queues}
    connections = {"max_pool_connections": max(CONNECTIONS, threads)}
    consumption = Consumption(int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0")))
    table = client("dynamodb", **connections)
    sqs = client("sqs", **connections, read_timeout=READ_TIMEOUT_S + listen_s)
    sqs.meta.events.register("after-call.sqs", consumption.request)
    made = build(
        settings,
        clock,
        WideStore(DynamoStore(table, settings.table, clock, observe=consumption.observe), pool),
        WideQueue(SqsQueue(sqs, urls, clock), pool),
        S3Blobs(DeferredClient(lambda: client("s3")), settings.bucket),
        ThreadRunner(),
        _registry(tasks, described=described),
        Tracing.from_env(os.environ),
        isolation=None if isolated else ChildProcesses(ISOLATED_AT_ONCE, arguments=[DESCRIBED] if described else []),
        pool=pool,
        consumption=consumption,
        # Only functions can invoke themselves.
        timers=LambdaInvoker(partial(client, "lambda"), function) if function else None,
    )
    for failed in made.registry.failures:
        sys.stdout.write(f"{failed.log_line()}\n")
    provide("notify", lambda: made.notify)
    return made


def _registry(tasks: str, *, described: bool) -> Registry:
    """Return the tasks and channels of this process: the shipped ones, and those of users, described or imported."""
    packages = packages_of(os.environ, tasks)
    if described and (packages or os.environ.get(MANIFEST_SETTING)):
        from whendue.manifest.model import find

        if manifest := find(os.environ, sys.path, packages):
            manifest.register(registry := discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS))
            return registry
    return discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS, *packages)


def _sender_of_mails(settings: Mapping[str, Any]) -> "EmailSender":
    """Return what sends mails; few processes send any."""
    from whendue.adapters.ses import sender

    return sender(os.environ, **settings)


def _put_task_secrets() -> None:
    """Put the secrets of tasks into the environment, before the tasks are imported."""
    if not os.environ.get("WHENDUE_TASK_SECRETS"):
        return
    from whendue.adapters.task_secrets import read_task_secrets

    found = read_task_secrets(os.environ)
    os.environ.update(found.values)
    for failed in found.failures:
        sys.stdout.write(f"{failed.log_line()}\n")
