"""One attempt: call the task with its payload and put what came of it into one of a few values. Never raises."""

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from whendue.bulkhead import Bulkhead
from whendue.declarations.context import Context, Creator
from whendue.declarations.log_capture import CURRENT, TO_ATTEMPT, capture
from whendue.declarations.registry import Cancel, GiveUp, Retry, TaskDefinition
from whendue.engine.runtime import Runtime
from whendue.errors import Interrupted, InvalidPayloadError, UnavailableError, WhendueError
from whendue.jobs.failures import Raised, named_places, raised, said, type_name
from whendue.jobs.model import Job
from whendue.jobs.outcomes import Ended, Failed, Input, Stopped, broken, brought, succeeded
from whendue.profiles.model import BACKOFF_FIELDS, task_decides
from whendue.quotas import HORIZON_S
from whendue.references.resolver import InputResolver
from whendue.submission.submit import Submit
from whendue.support.time_limit import attempt_validations
from whendue.worker.claimed_job import ClaimedJob
from whendue.workflows.runner import CompositeRunner

if TYPE_CHECKING:
    from whendue.declarations.calls.model import Call, WorkflowCall

# Modules that no user has written.
OURS: Final = "whendue."


class AttemptCalls:
    """Makes the calls of claimed jobs.

    Args:
        runtime: the outside.
        composites: runs composite jobs.
        submit: accepts the jobs that tasks create.
    """

    def __init__(self, runtime: Runtime, composites: CompositeRunner, submit: Submit) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._composites = composites
        self._submit = submit
        self._log_level = runtime.settings.task_log_level
        capture(self._log_level)

    def of(self, batch: Sequence[ClaimedJob]) -> list[Callable[[], Ended]]:
        """Return a call per claimed job, in order; the payloads that are stored elsewhere are read here, in one go."""
        if TO_ATTEMPT not in logging.root.handlers or logging.root.level > self._log_level:
            # A task has configured `logging` anew.
            capture(self._log_level)
        return [
            self._made(claimed_job, bring) for claimed_job, bring in zip(batch, self._inputs_of(batch), strict=True)
        ]

    def _made(self, claimed_job: ClaimedJob, bring: Callable[[], Input]) -> Callable[[], Ended]:
        try:
            return self._call(claimed_job, bring)
        except Exception as error:  # noqa: BLE001 - this job's alone
            self._runtime.bulkhead.note("attempt", claimed_job.job.id, error)
            return partial(broken, "it could not be started", error)

    def _inputs_of(self, batch: Sequence[ClaimedJob]) -> list[Callable[[], Input]]:
        """Return a function per job that returns its payload. One read for all; if it fails, each job reads its own."""
        stored_elsewhere = [claimed_job.job for claimed_job in batch if claimed_job.job.payload_at]
        try:
            texts = self._runtime.payloads.payloads(stored_elsewhere) if stored_elsewhere else {}
        except UnavailableError as error:
            unread = UnavailableError(f"the payload could not be read: {error}")
            return [
                partial(_raised, unread) if claimed_job.job.payload_at else self._input(claimed_job.job)
                for claimed_job in batch
            ]
        except Exception as error:  # noqa: BLE001 - which job it is of shows when each is read alone
            self._runtime.bulkhead.note("inputs", batch[0].job.id, error)
            return [partial(InputResolver(self._runtime).alone, claimed_job.job) for claimed_job in batch]
        return [self._input(claimed_job.job, texts.get(claimed_job.job.id)) for claimed_job in batch]

    def _input(self, job: Job, stored: str | None = None) -> Callable[[], Input]:
        """Return a function that returns a job's payload: its own text, or the one that is stored elsewhere."""
        text = stored if job.payload_at else job.payload
        if job.has_references:
            return partial(InputResolver(self._runtime).of, job, text)
        return lambda: text

    def _call(self, claimed_job: ClaimedJob, bring: Callable[[], Input]) -> Callable[[], Ended]:
        if claimed_job.job.expands:
            return lambda: self._composite(claimed_job.job, bring)
        claimed_job.context.create = self._creator(claimed_job.job)
        call = attempt(self._runtime, claimed_job.job, bring, claimed_job.context)
        return self._traced(claimed_job, call) if self._runtime.tracing.on else call

    def _creator(self, job: Job) -> Creator | None:
        """Return what creates the jobs that a task asks for; None for a channel, whose function may not create any."""
        if job.subscription:
            return None

        def create(call: "Call | WorkflowCall", name: str, traceparent: str | None) -> str:
            # Few attempts create jobs.
            from whendue.worker.child_jobs import create_child

            with attempt_validations(self._runtime.clock.now_ms):
                return create_child(self._submit, job, call, name, traceparent)

        return create

    def _composite(self, job: Job, bring: Callable[[], Input]) -> Ended:
        """Run a composite; its members, up to a thousand, are validated in the time of its attempt."""
        with attempt_validations(self._runtime.clock.now_ms, job.run_policy.timeout_s):
            return self._composites.run(job, bring)

    def _traced(self, claimed_job: ClaimedJob, call: Callable[[], Ended]) -> Callable[[], Ended]:
        """Run an attempt in a span; the attempt of a delivery has one, too."""
        job, tracing = claimed_job.job, self._runtime.tracing

        def within() -> Ended:
            attributes: dict[str, str | int] = {
                "whendue.job": job.id,
                "whendue.queue": job.queue,
                "whendue.attempt": job.attempt,
            }
            outcome: Ended | None = None
            try:
                with tracing.span(job.type, "CONSUMER", job.traceparent, attributes) as span:
                    claimed_job.context.traceparent = span.traceparent
                    outcome = call()
                    if isinstance(outcome, Failed):
                        span.failed(outcome.type)
            except Exception as error:  # noqa: BLE001 - a span that fails takes no attempt with it
                self._runtime.bulkhead.note("span", job.id, error)
            return outcome or call()

        return within


def attempt(runtime: Runtime, job: Job, bring: Callable[[], Input], context: Context) -> Callable[[], Ended]:
    """Return the call that runs the job's task once.

    Args:
        runtime: the outside; its registry has the task.
        job: the claimed job.
        bring: returns the payload; what it raises fails this attempt alone.
        context: handed to the task.
    """

    def call() -> Ended:
        definition: TaskDefinition | None = None
        try:
            payload = brought(bring)
            if isinstance(payload, Failed):
                return payload
            definition = runtime.registry.get(job.type)
            return succeeded(_logged(definition.call, json.loads(payload), context))
        except Cancel:
            return Stopped()
        except Interrupted:
            failed = Failed("timeout", "the attempt exceeded its timeout")
        except BaseException as error:  # noqa: BLE001 - whatever a task raises, SystemExit included, ends this attempt alone
            failed = _failed(error, definition)
        return _delayed(failed, definition, job, runtime.bulkhead)

    return call


def _logged(call: Callable[[object, Context], object], payload: object, context: Context) -> object:
    """Call a task; what it logs and submits belongs to its attempt."""
    token = CURRENT.set(context)
    try:
        return call(payload, context)
    finally:
        context.end()
        CURRENT.reset(token)


def _delayed(failed: Failed, definition: TaskDefinition | None, job: Job, bulkhead: Bulkhead) -> Failed:
    """Add the delay of the task's own backoff; where that fails, the policy's counts."""
    is_last = failed.final or job.failures + 1 >= job.run_policy.max_attempts
    if definition is None or is_last or not task_decides(job, BACKOFF_FIELDS):
        return failed
    try:
        return replace(failed, backoff_s=definition.backoff_s(job.failures + 1))
    except BaseException as error:  # noqa: BLE001 - a backoff is code of users; an interrupt ends it, and how the task ended is known
        bulkhead.note("backoff", job.id, error)
        return failed


def _failed(error: BaseException, definition: TaskDefinition | None) -> Failed:
    never_retry = (GiveUp, InvalidPayloadError, *(definition.never_retry if definition else ()))
    origin = raised(error)
    message = said(error)
    if type(error) is InvalidPayloadError:
        message += named_places(error.details)
        if origin.where.startswith(OURS):
            # The payload was refused before the task: no code of users has failed.
            origin = Raised()
    return Failed(
        type=_named(error),
        message=message,
        where=origin.where,
        stack=origin.stack,
        causes=origin.causes,
        final=_is(error, never_retry),
        after_s=_after_s(error) if _is(error, (Retry,)) else 0,
    )


def _is(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Return whether an error is of some kinds. Not by `isinstance`: an error may lie about its class, or raise."""
    try:
        return any(issubclass(type(error), kind) for kind in kinds)
    except Exception:  # noqa: BLE001 - a class of users' code may have its own idea of subclasses
        return False


def _named(error: BaseException) -> str:
    code = getattr(type(error), "code", None) if _is(error, (WhendueError,)) else None
    return str.__str__(code) if isinstance(code, str) else type_name(error)


def _after_s(error: BaseException) -> float:
    """Return the delay that a task asks for: seconds, at most the horizon; 0 for what is not a number."""
    try:
        asked = float(getattr(error, "after_s"))  # noqa: B009 - a subclass may have put anything there
    except Exception:  # noqa: BLE001 - or nothing
        return 0
    return 0 if math.isnan(asked) else min(max(0.0, asked), float(HORIZON_S))


def _raised(error: UnavailableError) -> Input:
    raise error
