"""The one tree of errors. Each class carries the stable `code` that API, logs and docs use."""

from collections.abc import Mapping
from typing import ClassVar, Final

# Places that the notes of an error name, the first ones: a traceback shows them, `details` has them all.
NOTED: Final = 5


class WhendueError(Exception):
    """Something went wrong inside whendue."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str = "", **details: object) -> None:
        """Take a message for people (the class's docstring when empty) and machine-readable details.

        Places in `details["errors"]` that the message does not name are its notes.
        """
        super().__init__(message or (self.__doc__ or self.code).splitlines()[0])
        self.details = details
        for note in _notes(str(self), details.get("errors")):
            self.add_note(note)

    def __reduce__(self) -> tuple[object, ...]:
        """Be copied, as between processes, whatever arguments the constructor of a subclass takes."""
        return _copied, (type(self), str(self)), self.__dict__


def _notes(message: str, errors: object) -> list[str]:
    """Return a line for each of the first places that a message does not name, and how many more there are."""
    # A task may raise an error with details of any kind.
    entries = [entry for entry in errors if isinstance(entry, Mapping)] if isinstance(errors, list | tuple) else []
    found = [": ".join(str(entry[name]) for name in ("where", "problem") if entry.get(name)) for entry in entries]
    notes = [text for text in found if text and f" {text}" not in f" {message}"]
    more = len(notes) - NOTED
    return [*notes[:NOTED], f"and {more} more in details"] if more > 0 else notes


def _copied(kind: type[WhendueError], message: str) -> WhendueError:
    error = kind.__new__(kind, message)
    WhendueError.__init__(error, message)
    return error


class InvalidRequestError(WhendueError):
    """The request is not valid; errors lists each place and what is wrong there."""

    code = "invalid_request"


def invalid_at(where: str, problem: str) -> InvalidRequestError:
    """Return the error of one place; `problem` begins with a verb, as in "must be in the future"."""
    return InvalidRequestError(f"{where}: {problem}", errors=[{"where": where, "problem": problem}])


class InvalidExpiryError(InvalidRequestError):
    """The job could not begin before its expiry; send a later expiresAt, or a greater expiresSeconds."""

    code = "invalid_expiry"


class TimeoutTooLongError(InvalidRequestError):
    """The timeout is longer than any attempt in this queue; send a shorter one, or a queue that queues lists."""

    code = "timeout_too_long"


class UnknownQueueError(InvalidRequestError):
    """No queue for jobs has this name; send one that queues lists."""

    code = "unknown_queue"


class UnstorableError(InvalidRequestError):
    """A value cannot be stored: a number is out of range, a text is not UTF-8, or it is too large."""

    code = "unstorable"


class UnknownTaskError(InvalidRequestError):
    """No task has this name; register it with @task, or correct type."""

    code = "unknown_task"


class InvalidPayloadError(InvalidRequestError):
    """The payload does not fit the task's model; errors lists each place and what is wrong there."""

    code = "invalid_payload"


class NotAllowedError(InvalidRequestError):
    """The operator of this deployment does not allow this for the tenant."""

    code = "not_allowed"


class UnknownProfileError(InvalidRequestError):
    """No profile has this name; GET /profiles lists them."""

    code = "unknown_profile"


class UnknownDependencyError(InvalidRequestError):
    """A job in dependsOn does not exist; send ids of jobs that exist."""

    code = "unknown_dependency"


class ProfileNotFoundError(WhendueError):
    """No profile has this name, or the profile has no such version."""

    code = "profile_not_found"


class TaskNotFoundError(WhendueError):
    """No task has this name; GET /tasks lists them."""

    code = "task_not_found"


class BuiltInProfileError(WhendueError):
    """A built-in profile cannot be changed; create one under another name."""

    code = "built_in_profile"


class TooManyProfilesError(WhendueError):
    """The tenant has reached its maximum number of profiles, including deleted ones; reuse a name."""

    code = "too_many_profiles"


class PreconditionFailedError(WhendueError):
    """If-Match or If-None-Match does not match the current version; read the resource again and send its ETag."""

    code = "precondition_failed"


class PayloadTooLargeError(WhendueError):
    """The payload has over 1048576 bytes of JSON (1 MiB), or the workflow is too large; send a smaller one."""

    code = "payload_too_large"


class ResponseTooLargeError(WhendueError):
    """The answer is too large to be sent; ask for fewer items with limit."""

    code = "response_too_large"


class DocumentNotFoundError(WhendueError):
    """The job has no payload or result, or it is no longer kept."""

    code = "document_not_found"


class InvalidCursorError(InvalidRequestError):
    """The cursor does not belong to this list with these filters; start without a cursor."""

    code = "invalid_cursor"


class InvalidScheduleError(InvalidRequestError):
    """The times of the schedule are not valid, or it never fires; errors names the field."""

    code = "invalid_schedule"

    def __init__(self, where: str, problem: str) -> None:
        """Name the place in the schedule, and what is wrong there."""
        super().__init__(f"{where}: {problem}", errors=[{"where": where, "problem": problem}])


class InvalidWorkflowError(InvalidRequestError):
    """The graph of the workflow is not valid; errors names the nodes."""

    code = "invalid_workflow"

    def __init__(self, *places: tuple[str, str]) -> None:
        """Name the places in the workflow, and what is wrong at each; at least one."""
        super().__init__(": ".join(places[0]), errors=_named(places))


class InvalidReferenceError(InvalidRequestError):
    """A reference ($from) in the payload is not valid."""

    code = "invalid_reference"

    def __init__(self, *places: tuple[str, str]) -> None:
        """Name the places of the references, and what is wrong at each; at least one."""
        super().__init__(": ".join(places[0]), errors=_named(places))


class BadReferenceError(WhendueError):
    """A reference ($from) in the payload has no value."""

    code = "bad_reference"


class JobNotFoundError(WhendueError):
    """No job has this id."""

    code = "job_not_found"


class WorkflowNotFoundError(WhendueError):
    """No workflow has this id."""

    code = "workflow_not_found"


class QueueNotFoundError(WhendueError):
    """No queue has this name; GET /queues lists them."""

    code = "queue_not_found"


class ScheduleNotFoundError(WhendueError):
    """No schedule has this name."""

    code = "schedule_not_found"


class BackfillNotFoundError(WhendueError):
    """The schedule has no backfill with this id."""

    code = "backfill_not_found"


class OperationNotFoundError(WhendueError):
    """No bulk operation has this id, or it is no longer kept."""

    code = "operation_not_found"


class TooManyOperationsError(WhendueError):
    """The tenant has as many running bulk operations as it may have; wait for one, or cancel it."""

    code = "too_many_operations"


class TooManySchedulesError(WhendueError):
    """The tenant has reached its maximum number of schedules; delete one first."""

    code = "too_many_schedules"


class UnknownChannelError(InvalidRequestError):
    """No channel has this name; send webhook, email, sns, or the name of a registered channel."""

    code = "unknown_channel"


class UnknownSubscriptionError(InvalidRequestError):
    """notify names a subscription that does not exist; GET /subscriptions lists them."""

    code = "unknown_subscription"


class HeaderInjectionError(WhendueError):
    """A value has a line break that could start a header; send it as one line."""

    code = "header_injection"


class SubscriptionNotFoundError(WhendueError):
    """No subscription has this name."""

    code = "subscription_not_found"


class DeliveryNotFoundError(WhendueError):
    """The subscription has no delivery with this id."""

    code = "delivery_not_found"


class TooManySubscriptionsError(WhendueError):
    """The tenant has reached its maximum number of subscriptions; delete one first."""

    code = "too_many_subscriptions"


class SubscriptionDisabledError(WhendueError):
    """The subscription is disabled or was deleted; nothing is delivered to it."""

    code = "subscription_disabled"


class IdempotencyConflictError(WhendueError):
    """The Idempotency-Key was used before with a different request; use a new key."""

    code = "idempotency_conflict"


class UniqueConflictError(WhendueError):
    """Another job holds the unique key; wait for it, cancel it, or send another key."""

    code = "unique_conflict"


class StateConflictError(WhendueError):
    """The current state does not allow this; read the resource again before you retry."""

    code = "state_conflict"


class UnavailableError(WhendueError):
    """A service that whendue depends on is unavailable; send the request again."""

    code = "unavailable"


class UnreadableError(WhendueError):
    """What is stored cannot be read: another program, or another version, has written it; the log says why."""

    code = "unreadable"


class AuthenticationError(WhendueError):
    """The bearer token is missing or not valid; send Authorization: Bearer <token>."""

    code = "unauthenticated"


class ForbiddenError(WhendueError):
    """The token does not have the scope that this operation requires."""

    code = "forbidden"


class OldTableError(WhendueError):
    """The table was made by a version before 0.1.0; this version needs a new table."""

    code = "old_table"


class ConfigurationError(WhendueError):
    """A setting is missing or not valid."""

    code = "configuration_error"


def _named(places: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"where": where, "problem": problem} for where, problem in places]


# Not an Exception, so that a task's `except Exception` lets it pass.
class Interrupted(BaseException):
    """Raised inside a task when its soft timeout or its function's end is reached."""
