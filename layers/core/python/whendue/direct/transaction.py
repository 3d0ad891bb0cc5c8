"""Jobs in a user's own transaction: planned as a submit plans them, and written by the user's `TransactWriteItems`.

Nobody sends their messages: the next check of each is set so that the timer finds the job soon after the transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from whendue.adapters.dynamodb.attribute_values import check
from whendue.adapters.dynamodb.partiql import put
from whendue.aws_quotas import PAYLOAD_ITEM_BYTES
from whendue.bootstrap.application import App
from whendue.client.models.jobs import JobWithPolicy
from whendue.engine.apply import send
from whendue.errors import InvalidRequestError, WhendueError
from whendue.jobs.due_index import owner_is_promote
from whendue.jobs.model import Job, evolve
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import submit
from whendue.quotas import RESCUE_INTERVAL_MIN_S
from whendue.settings import Timing
from whendue.submission.plan import payload_text
from whendue.submission.request import JobRequest
from whendue.submission.submit import Submit, SubmitResult, Submitted

# Of a job under an Idempotency-Key: one whose retention is over counts as absent, as for a submit.
_ABSENT_OR_PAST: Final = "attribute_not_exists(pk) OR expires_at < :now_s"


@dataclass(frozen=True, slots=True)
class TransactItems:
    """A job for a transaction.

    Args:
        job: the job as it is shown once the transaction is committed. With an Idempotency-Key, the job that had the
            key first has the same id.
        items: for `TransactItems` of boto3's `client("dynamodb").transact_write_items`: one dictionary, or two.
        planned: the job as it is stored.
    """

    job: JobWithPolicy
    items: list[Any] = field(repr=False)
    planned: Job = field(repr=False)

    def is_taken(self, error: BaseException) -> bool:
        """Return whether a transaction was refused because there is a job of this id: its key was used before.

        Args:
            error: boto3's `TransactionCanceledException`; others are never about this job.
        """
        response = getattr(error, "response", None)
        if not isinstance(response, Mapping):
            return False
        own, reasons = self.items[0]["Put"]["Item"], response.get("CancellationReasons") or ()
        return any(
            reason.get("Code") == "ConditionalCheckFailed"
            and all((reason.get("Item") or {}).get(name) == own[name] for name in ("pk", "sk"))
            for reason in reasons
        )


class PlannedSubmit(Submit):
    """Takes the part of `Submit` for one request of the API: plans its job, and writes and sends nothing."""

    planned: Transition

    def many(self, tenant: str, requests: Sequence[JobRequest]) -> list[SubmitResult]:
        """Plan jobs; each result is the job as it would be, or the error that refuses it."""
        return [self._alone(tenant, request) for request in requests]

    def _alone(self, tenant: str, request: JobRequest) -> SubmitResult:
        now_ms = self._runtime.clock.now_ms()
        try:
            _check(request)
            prepared = self.prepare(tenant, request, now_ms)
            if prepared.job.unique:
                raise _no_unique()
            step = unsent(prepared, now_ms, self._runtime.settings.timing)
            for write in filter(None, (step, step.first)):
                check(write)
        except WhendueError as error:
            return error
        self.planned = step
        return Submitted(step.job, created=True)

    def items(self, shown: JobWithPolicy) -> TransactItems:
        """Return the items of the job that was planned last, and how it is shown."""
        step, table = self.planned, self._runtime.settings.table
        job_put = put(table, step)
        if step.job.life is not None:
            # The next whole second: `is_past` compares milliseconds.
            now_s = -(-step.job.created_at // 1000)
            job_put |= {
                "ConditionExpression": _ABSENT_OR_PAST,
                "ExpressionAttributeValues": {":now_s": {"N": str(now_s)}},
            }
        puts = [job_put, *([put(table, step.first)] if step.first else [])]
        return TransactItems(shown, [{"Put": each} for each in puts], step.job)


class PlanningApp(App):
    """An application whose submit only plans; what the other has read is known here, too.

    Args:
        app: the other application.
    """

    def __init__(self, app: App) -> None:
        """Share the runtime."""
        super().__init__(app.runtime, app.notifications, app.metrics)
        self._app = app

    @cached_property
    def submit(self) -> PlannedSubmit:
        """Plan jobs."""
        return PlannedSubmit(self._runtime, self._app.profiles, self.notifications, {})


def unsent(step: Transition, now_ms: int, timing: Timing) -> Transition:
    """Return the write of a job whose message its writer does not send.

    A job that promote sends stays as it is. Another one gets a check that is not its first, ahead of the positions of
    the timer by the margin that a writer leaves (skew of clocks, lag of the index): rescue sends the job at the first
    tick after it. For a job that is due later, rescue's next look is not before it is due.
    """
    job = step.job
    if owner_is_promote(job, timing):
        return step
    soon_at, sent_at = now_ms + timing.margin_ms + 1, job.due_at - 1000 * RESCUE_INTERVAL_MIN_S
    return submit(evolve(job, check_at=max(soon_at, sent_at)), timing, first=step.first)


def send_planned(app: App, planned: Iterable[TransactItems]) -> None:
    """Send the messages of committed jobs that promote does not send. Never raises: the timer sends the others.

    A worker drops the message of a job that is not stored.
    """
    jobs = [each.planned for each in planned if not owner_is_promote(each.planned, app.settings.timing)]
    send(app.queue, jobs, app.clock.now_ms(), app.bulkhead)


def _check(request: JobRequest) -> None:
    """Refuse what needs other writes than those of the job and of its payload's item.

    Raises:
        InvalidRequestError: it depends on other jobs, or has a unique key.
        PayloadTooLargeError: its payload would be stored in the bucket.
    """
    if request.depends_on:
        problem = "must be left out: a job in a transaction cannot depend on others"
        raise InvalidRequestError("the request is not valid", errors=[{"where": "dependsOn", "problem": problem}])
    if request.unique:
        raise _no_unique()
    payload_text(request.payload, PAYLOAD_ITEM_BYTES)


def _no_unique() -> InvalidRequestError:
    """Refuse a unique key, of a request or of its task: only whoever reads the key's item before can take it."""
    problem = "must be left out, and not be declared by the task: a job in a transaction cannot have a unique key"
    return InvalidRequestError("the request is not valid", errors=[{"where": "unique", "problem": problem}])
