"""The composition root: which adapters and services make up a process, built once and cached."""

import os
from dataclasses import dataclass
from functools import cache

from whendue.effects import Effects, system
from whendue.ports import BlobStore, JobQueue, JobStore, Runner
from whendue.registry import BUILT_IN_TASKS, USER_TASKS, Registry, discover
from whendue.resources import TaskSettings, provide
from whendue.services.backfills import Backfills
from whendue.services.control import Control
from whendue.services.dead_letter import DeadLetter
from whendue.services.dead_letters import DeadLetters
from whendue.services.documents import Documents
from whendue.services.due import Due
from whendue.services.firing import Firing
from whendue.services.health import Health
from whendue.services.ledger import Ledger
from whendue.services.outside import Ports
from whendue.services.pauses import Pauses
from whendue.services.profile_editor import ProfileEditor
from whendue.services.profiles import Profiles
from whendue.services.query import Query
from whendue.services.queues import Queues
from whendue.services.schedules import Schedules
from whendue.services.submit import Submit
from whendue.services.tick import Tick
from whendue.services.work import Work
from whendue.settings import Settings


@dataclass(frozen=True, slots=True)
class App:
    """Everything that handlers call."""

    settings: Settings
    effects: Effects
    registry: Registry
    submit: Submit
    query: Query
    control: Control
    dead_letters: DeadLetters
    dead_letter: DeadLetter
    health: Health
    pauses: Pauses
    queues: Queues
    schedules: Schedules
    ledger: Ledger
    backfills: Backfills
    tick: Tick
    work: Work
    profiles: Profiles
    profile_editor: ProfileEditor


def build(
    settings: Settings,
    effects: Effects,
    store: JobStore,
    queue: JobQueue,
    blobs: BlobStore,
    runner: Runner,
    registry: Registry,
) -> App:
    """Put the services on the given ports; tests hand in memory adapters."""
    ports = Ports(store, queue, Documents(store, blobs), runner, registry, effects, settings)
    profiles, pauses = Profiles(ports), Pauses(ports)
    submit = Submit(ports, profiles)
    firing = Firing(ports, submit)
    schedules, backfills = Schedules(ports, submit, firing), Backfills(ports, submit, firing)
    return App(
        settings=settings,
        effects=effects,
        registry=registry,
        submit=submit,
        query=Query(ports, pauses),
        control=Control(ports),
        dead_letters=DeadLetters(ports),
        dead_letter=DeadLetter(ports),
        health=Health(ports),
        schedules=schedules,
        ledger=Ledger(ports),
        backfills=backfills,
        pauses=pauses,
        queues=Queues(ports, pauses),
        tick=Tick(ports, pauses, Due(ports, firing, schedules, backfills)),
        work=Work(ports, profiles, pauses),
        profiles=profiles,
        profile_editor=ProfileEditor(ports, profiles),
    )


@cache
def app() -> App:
    """Give this process's application, on AWS as its environment says.

    Raises:
        ConfigurationError: a setting or a task is not right.
    """
    from whendue.adapters.aws import client
    from whendue.adapters.dynamodb import DynamoStore
    from whendue.adapters.s3 import S3Blobs
    from whendue.adapters.sqs import SqsQueue
    from whendue.adapters.threads import ThreadRunner

    # Tasks' own calls are tried again by their jobs, not behind their backs; a function may run for 15 minutes.
    once = {"retries": {"total_max_attempts": 1}}
    provide("settings", lambda: TaskSettings.from_env(os.environ))
    provide("sesv2", lambda: client("sesv2", **once))
    provide("lambda", lambda: client("lambda", **once, read_timeout=900))
    settings, effects = Settings.from_env(os.environ), system()
    return build(
        settings,
        effects,
        DynamoStore(client("dynamodb"), settings.table, effects),
        SqsQueue(client("sqs"), settings.queues, effects),
        S3Blobs(client("s3"), settings.bucket),
        ThreadRunner(),
        discover(BUILT_IN_TASKS, USER_TASKS),
    )
