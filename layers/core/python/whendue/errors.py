"""The one tree of errors. Each class carries the stable `code` that API, logs and docs use."""

from typing import ClassVar


class WhendueError(Exception):
    """Something went wrong inside whendue."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str = "", **details: object) -> None:
        """Take a message for people (the class's docstring when empty) and machine-readable details."""
        super().__init__(message or (self.__doc__ or self.code).splitlines()[0])
        self.details = details


class InvalidRequestError(WhendueError):
    """The request is not valid."""

    code = "invalid_request"


class UnstorableError(InvalidRequestError):
    """The table can hold no such value: a number out of range, a text that is no UTF-8, or too much of it."""

    code = "unstorable"


class UnknownTaskError(InvalidRequestError):
    """No task of this type is registered."""

    code = "unknown_task"


class InvalidPayloadError(InvalidRequestError):
    """The payload does not fit the task's model."""

    code = "invalid_payload"


class NotAllowedError(InvalidRequestError):
    """The operator does not allow the tenant to do this."""

    code = "not_allowed"


class UnknownProfileError(InvalidRequestError):
    """No profile has this name."""

    code = "unknown_profile"


class UnknownDependencyError(InvalidRequestError):
    """A job that it depends on is not there."""

    code = "unknown_dependency"


class ProfileNotFoundError(WhendueError):
    """No such profile, or no such version of it."""

    code = "profile_not_found"


class BuiltInProfileError(WhendueError):
    """A built-in profile is not changed; make one of your own under another name."""

    code = "built_in_profile"


class TooManyProfilesError(WhendueError):
    """The tenant has as many profiles as it may have."""

    code = "too_many_profiles"


class PreconditionFailedError(WhendueError):
    """If-Match or If-None-Match does not fit the current version; read it and decide again."""

    code = "precondition_failed"


class PayloadTooLargeError(WhendueError):
    """The payload is over its limit."""

    code = "payload_too_large"


class ResponseTooLargeError(WhendueError):
    """The answer is larger than what can be sent; ask for less at once."""

    code = "response_too_large"


class DocumentNotFoundError(WhendueError):
    """The job has none, or it is no longer kept."""

    code = "document_not_found"


class InvalidCursorError(InvalidRequestError):
    """The cursor is not one that this list gave for these filters."""

    code = "invalid_cursor"


class InvalidScheduleError(InvalidRequestError):
    """The schedule's recurrence is not valid, or never fires."""

    code = "invalid_schedule"

    def __init__(self, where: str, problem: str) -> None:
        """Name the place in the schedule, and what is wrong there."""
        super().__init__(f"{where}: {problem}", errors=[{"where": where, "problem": problem}])


class InvalidWorkflowError(InvalidRequestError):
    """The workflow's graph is not valid."""

    code = "invalid_workflow"

    def __init__(self, *places: tuple[str, str]) -> None:
        """Name the places in the workflow, and what is wrong at each; at least one."""
        super().__init__(": ".join(places[0]), errors=_named(places))


class InvalidReferenceError(InvalidRequestError):
    """A reference to a parent's result is not valid."""

    code = "invalid_reference"

    def __init__(self, *places: tuple[str, str]) -> None:
        """Name the places of the references, and what is wrong at each; at least one."""
        super().__init__(": ".join(places[0]), errors=_named(places))


class BadReferenceError(WhendueError):
    """A reference to a parent's result gives nothing."""

    code = "bad_reference"


class JobNotFoundError(WhendueError):
    """No such job."""

    code = "job_not_found"


class WorkflowNotFoundError(WhendueError):
    """No such workflow."""

    code = "workflow_not_found"


class QueueNotFoundError(WhendueError):
    """No such queue."""

    code = "queue_not_found"


class ScheduleNotFoundError(WhendueError):
    """No such schedule."""

    code = "schedule_not_found"


class BackfillNotFoundError(WhendueError):
    """No such backfill."""

    code = "backfill_not_found"


class TooManySchedulesError(WhendueError):
    """The tenant has as many schedules as it may have."""

    code = "too_many_schedules"


class UnknownChannelError(InvalidRequestError):
    """No channel has this name."""

    code = "unknown_channel"


class UnknownSubscriptionError(InvalidRequestError):
    """No subscription has this name."""

    code = "unknown_subscription"


class HeaderInjectionError(WhendueError):
    """A line break stands where there may be none: it could begin a header."""

    code = "header_injection"


class SubscriptionNotFoundError(WhendueError):
    """No such subscription."""

    code = "subscription_not_found"


class DeliveryNotFoundError(WhendueError):
    """No such delivery."""

    code = "delivery_not_found"


class TooManySubscriptionsError(WhendueError):
    """The tenant has as many subscriptions as it may have."""

    code = "too_many_subscriptions"


class SubscriptionDisabledError(WhendueError):
    """The subscription is disabled, or gone: nothing is delivered to it."""

    code = "subscription_disabled"


class IdempotencyConflictError(WhendueError):
    """The Idempotency-Key was used before with a different request."""

    code = "idempotency_conflict"


class StateConflictError(WhendueError):
    """The job's state does not allow this."""

    code = "state_conflict"


class UnavailableError(WhendueError):
    """A service that we need refused for now; nothing was lost, try again."""

    code = "unavailable"


class AuthenticationError(WhendueError):
    """The bearer token is missing or not valid."""

    code = "unauthenticated"


class ForbiddenError(WhendueError):
    """The token's scopes do not allow this."""

    code = "forbidden"


class OldTableError(WhendueError):
    """The table was made by an earlier version, before 0.1.0 was released; this one needs a table of its own."""

    code = "old_table"


class ConfigurationError(WhendueError):
    """A setting is missing or not valid."""

    code = "configuration_error"


def _named(places: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"where": where, "problem": problem} for where, problem in places]


# Not an Exception, so that a task's `except Exception` lets it pass.
class Interrupted(BaseException):
    """Raised inside a task when its soft timeout or its function's end is reached."""
