"""Tasks and channels as declared, and how they meet the values of requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from whendue.declarations.context import Context
from whendue.declarations.resources import resource
from whendue.declarations.validation import bounded, places, raised, validated
from whendue.errors import (
    Interrupted,
    InvalidPayloadError,
    InvalidRequestError,
    UnavailableError,
)
from whendue.outbound.ssrf import TargetRefusedError
from whendue.quotas import BACKOFF_CAP_S
from whendue.support.coroutines import finished

if TYPE_CHECKING:
    # Whoever declares a task or a channel has imported them; a process that has none need not.
    from pydantic import BaseModel, TypeAdapter

    from whendue.declarations.channel import ChannelConfig
    from whendue.declarations.declaring import Location

# What a check may raise to refuse a payload or a configuration.
REFUSALS: Final = (InvalidRequestError, TargetRefusedError)


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task as declared.

    Args:
        name: the job type.
        function: called with the payload, and the context if it takes two arguments.
        payload: the pydantic model of its payload.
        never_retry: errors that no attempt can mend.
        policy: what it asks for over the defaults (`max_attempts`, `timeout_s`, ...); profile and request win over it.
        channel: whose deliveries it runs, None for any other task.
        unique: the unique key of its jobs that stand alone, as `UniqueOptions`; None for none. A request wins over it.
        expands: how its jobs make jobs of their own, see `whendue.jobs.members`; its function is never called then.
        annotated: validates instead of the model, where its annotation says more than the model.
        check: refuses a payload that a tenant may not have.
        backoff: returns the delay after a failed attempt, instead of the policy's backoff.
        queue: the queue of jobs for which neither request nor profile names one; None: the default.
        location: where it is declared, None for one that was made by hand.
    """

    name: str
    function: Callable[..., Any]
    payload: "type[BaseModel]"
    takes_context: bool
    never_retry: tuple[type[BaseException], ...]
    policy: Mapping[str, Any]
    channel: "ChannelDefinition | None" = None
    expands: str | None = None
    unique: Mapping[str, Any] | None = None
    annotated: "TypeAdapter[Any] | None" = field(default=None, compare=False)
    check: Callable[[Any, str], None] | None = field(default=None, compare=False)
    backoff: Callable[[int], Any] | None = field(default=None, compare=False)
    queue: str | None = None
    location: "Location | None" = field(default=None, compare=False)

    @property
    def module(self) -> str:
        """The module whose import declares it."""
        return self.location.module if self.location else self.function.__module__

    @property
    def where(self) -> str:
        """File and line, or the module of one that was made by hand."""
        return self.location.where if self.location else self.module

    @property
    def is_shipped(self) -> bool:
        """Whether whendue itself declares it."""
        return self.module.startswith("whendue.")

    def call(self, payload: object, context: Context) -> Any:
        """Validate the payload and run the task; what it, or its coroutine, returns or raises is the attempt's outcome.

        A validator that fails, instead of refusing, fails the attempt with its own error: another one may succeed.
        """
        model = self.model_of(payload)
        self._check_again(model, context)
        if self.channel:
            return resource("notify")(self.channel, model, context)
        return finished(self.function(model, context) if self.takes_context else self.function(model))

    def _check_again(self, model: "BaseModel", context: Context) -> None:
        """Let the check of a user's task refuse the payload before it runs; shipped tasks check within.

        At submit it was called only where tasks are imported, and never with results that the payload refers to.
        """
        if self.check is None or self.is_shipped:
            return
        try:
            self.check(model, context.tenant)
        except REFUSALS as error:
            raise InvalidPayloadError(f"{self._refusal}: {error}") from None

    def model_of(self, payload: object) -> "BaseModel":
        """Make the payload's model of plain values; the time that its validators take is not bounded.

        Raises:
            InvalidPayloadError: they do not fit; `details["errors"]` names the places, never the values.
            BaseException: whatever a validator raises.
        """
        from pydantic import ValidationError

        try:
            return self._validator(payload)
        except ValidationError as error:
            raise InvalidPayloadError(self._refusal, errors=places(error)) from None

    def backoff_s(self, attempt: int) -> float | None:
        """Return the delay after a failed attempt by the task's own function, seconds; None if it has none.

        Args:
            attempt: which attempt failed, from 1.

        Raises:
            TypeError, ValueError: the function returned no time from 0.
            BaseException: whatever it raises.
        """
        return None if self.backoff is None else _seconds(self.backoff(attempt))

    def parse(self, payload: object, tenant: str | None = None) -> "BaseModel":
        """Turn a JSON value into the payload model, at the door, and see whether the tenant, if given, may have it.

        Raises:
            InvalidPayloadError: it does not fit, or the model's validators fail or do not end; `details["errors"]`
                names the places, never the values.
            NotAllowedError: the operator does not allow it to the tenant.
            UnavailableError: there was no time left to validate it.
        """
        return bounded(
            lambda: self._parsed(payload, tenant), tenant or "", self.name, InvalidPayloadError, self._refusal
        )

    def _parsed(self, payload: object, tenant: str | None) -> "BaseModel":
        model = validated(self._validator, payload, InvalidPayloadError, self._refusal)
        if self.check and tenant is not None:
            _checked(self.check, model, tenant, InvalidPayloadError, self._refusal, "payload")
        return model

    @property
    def _validator(self) -> "Callable[[object], BaseModel]":
        return self.annotated.validate_python if self.annotated else self.payload.model_validate

    @property
    def _refusal(self) -> str:
        return f"the payload does not fit the task {self.name}"


@dataclass(frozen=True, slots=True)
class ChannelDefinition:
    """A channel as declared.

    Args:
        name: what subscriptions call it.
        function: called with the event, the configuration and the attempt.
        config: the pydantic model of its configuration.
        check: refuses a configuration that a tenant may not have.
        location: where it is declared.
    """

    name: str
    function: Callable[..., Any]
    config: "type[ChannelConfig]"
    check: Callable[[Any, str], None] | None
    location: "Location | None" = field(default=None, compare=False)

    def parse(self, config: object, tenant: str) -> "ChannelConfig":
        """Turn a JSON value into the configuration, and see whether the tenant may have it.

        Raises:
            InvalidRequestError: it does not fit, or may not be; `details["errors"]` names the places, never the values.
            WhendueError: what the channel's check raises of ours.
            UnavailableError: there was no time left to validate it.
        """
        return bounded(lambda: self._parsed(config, tenant), tenant, self.name, InvalidRequestError, self._refusal)

    def _parsed(self, config: object, tenant: str) -> "ChannelConfig":
        what = self._refusal
        model = validated(self.config.model_validate, config, InvalidRequestError, what, "config")
        if self.check:
            _checked(self.check, model, tenant, InvalidRequestError, what, "config")
        _checked(lambda config, _: config.signed, model, tenant, InvalidRequestError, what, "config")
        return model

    @property
    def _refusal(self) -> str:
        return f"the configuration does not fit the channel {self.name}"


def _checked(
    check: Callable[[Any, str], object],
    model: "BaseModel",
    tenant: str,
    refusal: type[InvalidRequestError],
    what: str,
    where: str,
) -> None:
    """Call a check, which is code of users: whatever it raises refuses this one value."""
    try:
        decided_later = hasattr(type(check(model, tenant)), "__await__")
    except (*REFUSALS, UnavailableError, Interrupted):
        raise
    except BaseException as error:  # noqa: BLE001 - a check is code of users
        problem = raised(error, "its check")
    else:
        if not decided_later:
            return
        problem = "its check is `async def`, which is not awaited"
    raise refusal(f"{what}: {problem}", errors=[{"where": where, "problem": problem}])


def _seconds(value: Any) -> float:
    """Return a delay in seconds, at most BACKOFF_CAP_S."""
    if isinstance(value, timedelta):
        return _seconds(value.total_seconds())
    if isinstance(value, bool | str | bytes):
        raise TypeError("a backoff is a number of seconds or a timedelta")
    seconds = min(value, BACKOFF_CAP_S)
    # NaN is less than nothing, and so is not from 0.
    if not seconds >= 0:
        raise ValueError("a backoff is at least 0 s")
    return float(seconds)
