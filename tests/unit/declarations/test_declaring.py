"""What `@task` and `@channel` accept, and how they say what is wrong."""

import functools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import pytest
from pydantic import AfterValidator, BaseModel, RootModel

from whendue import Context, task
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import Registry, channel
from whendue.errors import ConfigurationError, InvalidPayloadError, UnknownTaskError

if TYPE_CHECKING:
    from nowhere import Elsewhere  # type: ignore[import-not-found]

T = TypeVar("T")


class Order(BaseModel):
    number: int = 7


class Orders(RootModel[list[int]]):
    """A payload that is a list."""


class Box(BaseModel, Generic[T]):
    inside: T


class KnownError(Exception):
    """An error that no attempt mends."""


def run(payload: Order) -> int:
    return payload.number


def declare(function: Any = run, name: Any = "order.remind", **options: Any) -> Any:
    registry = Registry()
    task(name, registry=registry, **options)(function)
    return registry.get(name)


async def later(payload: Order) -> int:
    return payload.number


def stepwise(payload: Order) -> Iterator[int]:
    yield payload.number


async def check_later(payload: Order, tenant: str) -> None: ...


# --- options ----------------------------------------------------------------------------------------------------

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a letter less": ({"max_attempt": 3}, "did you mean max_attempts?"),
    "as the request says it": ({"retries": 3}, "say max_attempts=4, which counts the first attempt"),
    "camelCase": ({"timeoutSeconds": 3}, "did you mean timeout_s?"),
    "timeout": ({"timeout": 3}, "did you mean timeout_s?"),
    "Celery's": ({"max_retries": 3}, "max_attempts"),
    "nothing like it": ({"zebra": 3}, "the options are max_attempts, base_s"),
    "a text": ({"timeout_s": "x"}, "timeout_s must be a whole number from 1 to 43200, not str"),
    "below": ({"max_attempts": -3}, "max_attempts must be a whole number from 1 to 50, not -3"),
    "none": ({"max_attempts": 0}, "from 1 to 50"),
    "above": ({"max_attempts": 51}, "from 1 to 50"),
    "a truth": ({"max_attempts": True}, "not bool"),
    "a fraction": ({"timeout_s": 1.5}, "not 1.5"),
    "not a number": ({"base_s": float("nan")}, "base_s must be a number"),
    "endless": ({"cap_s": float("inf")}, "cap_s must be a number"),
    "what the table cannot hold": ({"base_s": 1e-300}, "from 0.001 to"),
    "what no float holds": ({"max_attempts": 10**400}, "from 1 to 50"),
    "no jitter": ({"jitter": "half"}, "jitter must be full or none"),
    "an unhashable jitter": ({"jitter": ["full"]}, "jitter must be full or none"),
    "no name of a queue": ({"queue": "No Queue"}, "queue must be one of critical, high, normal, low, or a queue of"),
    "the queue of deliveries": ({"queue": "notifications"}, "queue must be one of critical"),
    "a number for a queue": ({"queue": 1}, "queue must be one of critical"),
    "short lease": ({"lease_s": 1}, "from 2 to 3600"),
    "short retention": ({"retention_s": 59}, "from 60 to"),
    "nothing": ({"factor": None}, "factor must be a number from 1 to 100, not NoneType"),
    "one class": ({"never_retry": KnownError}, "never_retry=(KnownError,)"),
    "a list": ({"never_retry": [KnownError]}, "a tuple of exception classes, not list"),
    "names": ({"never_retry": ("Known",)}, "exception classes, not str"),
    "an instance": ({"never_retry": (KnownError(),)}, "exception classes, not KnownError"),
    "another class": ({"never_retry": (int,)}, "exception classes, not int"),
    "a text for retries": ({"retries": "3"}, "say max_attempts=retries + 1"),
    "no retries": ({"retries": -1}, "say max_attempts=retries + 1"),
    "a negative timeout": ({"timeout_s": -1}, "timeout_s must be a whole number from 1 to 43200, not -1"),
    "dramatiq's": ({"max_backoff": 3}, "cap_s"),
    "a backoff of numbers": ({"backoff": {"base": 3}}, "backoff must be a function of (attempt), not dict"),
    "a backoff of nothing": ({"backoff": lambda: 3}, "backoff must be a function of (attempt): too many"),
    "a backoff of more": ({"backoff": lambda attempt, error: 3}, "missing a required argument"),
    "a backoff that waits": ({"backoff": later}, "neither `async def` nor `yield`"),
    "a backoff that yields": ({"backoff": stepwise}, "neither `async def` nor `yield`"),
    "a check that is none": ({"check": 3}, "check must be a function of (payload, tenant), not 3"),
    "a check that waits": ({"check": check_later}, "neither `async def` nor `yield`"),
    "a check of one": ({"check": lambda payload: None}, "check must be a function of (payload, tenant): too many"),
    "how it expands": ({"expands": "for_each"}, "whendue's own"),
}


@pytest.mark.parametrize(("options", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistaken_option_is_named_with_file_line_and_task(options: dict[str, Any], says: str) -> None:
    """At import: at each submit, or at each claim, it is too late."""
    with pytest.raises(ConfigurationError) as caught:
        declare(**options)
    assert re.match(rf"{re.escape(__file__)}:\d+: the task 'order.remind': ", str(caught.value))
    assert says in str(caught.value)


def test_the_line_is_that_of_the_decorator() -> None:
    """Not one inside whendue."""
    with pytest.raises(ConfigurationError) as caught:
        task("order.remind", registry=Registry(), retries=3)
    line = int(str(caught.value).split(":")[1])
    with open(__file__, encoding="utf-8") as source:  # noqa: PTH123 - a test
        assert "retries=3)" in source.readlines()[line - 1]


def test_every_option_can_be_said() -> None:
    """At both ends of its range."""
    least = {
        "max_attempts": 1,
        "base_s": 0.001,
        "factor": 1,
        "cap_s": 1,
        "timeout_s": 1,
        "lease_s": 2,
        "retention_s": 60,
    }
    most = {
        "max_attempts": 50,
        "base_s": 86_400,
        "factor": 100.0,
        "cap_s": 86_400,
        "timeout_s": 43_200,
        "lease_s": 3600,
    }
    assert declare(**least, jitter="none").policy == least | {"jitter": "none"}
    assert declare(**most, never_retry=(KnownError, KeyboardInterrupt)).never_retry == (KnownError, KeyboardInterrupt)


def test_options_are_kept_as_plain_values() -> None:
    """The table stores no members of enumerations."""

    class Times(IntEnum):
        THREE = 3

    class Jitter(StrEnum):
        NONE = "none"

    policy = declare(max_attempts=Times.THREE, jitter=Jitter.NONE).policy
    assert policy == {"max_attempts": 3, "jitter": "none"}
    assert [type(value) for value in policy.values()] == [int, str]


def test_a_registry_that_is_none_is_named() -> None:
    """It is for tests; whoever misspells it learns where."""
    with pytest.raises(ConfigurationError, match="registry must be a Registry, not dict"):
        task("order.remind", registry={})  # type: ignore[arg-type]


# --- backoff ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "seconds"),
    [
        (3, 3.0),
        (0, 0.0),
        (2.5, 2.5),
        (timedelta(minutes=2), 120.0),
        (Decimal("1.5"), 1.5),
        (10**400, 86_400.0),
        (float("inf"), 86_400.0),
        (timedelta(days=400), 86_400.0),
    ],
)
def test_a_backoff_is_a_number_of_seconds_or_a_timedelta_of_a_day_at_most(returned: Any, seconds: float) -> None:
    """Bounded, and never a value that the table cannot hold."""
    found = declare(backoff=lambda attempt: returned).backoff_s(1)
    assert (found, type(found)) == (seconds, float)


@pytest.mark.parametrize(
    "returned", [None, -1, float("nan"), True, "3", b"3", [3], {}, Decimal("NaN"), timedelta(seconds=-1), object(), 1j]
)
def test_what_is_no_delay_is_an_error(returned: Any) -> None:
    """The worker has a rule for it."""
    with pytest.raises(Exception):  # noqa: B017 - of whatever kind
        declare(backoff=lambda attempt: returned).backoff_s(1)


def test_a_backoff_is_called_with_the_attempt() -> None:
    """And a task without one has none."""
    assert declare(backoff=lambda attempt: attempt * 10).backoff_s(3) == 30
    assert declare().backoff_s(3) is None


# --- checks -----------------------------------------------------------------------------------------------------


def test_a_check_that_returns_a_coroutine_refuses() -> None:
    """It has decided nothing: what it would refuse would be accepted."""

    class Later:
        def __await__(self) -> Any:
            raise AssertionError("not awaited here")

    with pytest.raises(InvalidPayloadError, match="not awaited"):
        declare(check=lambda payload, tenant: Later()).parse({}, "acme")


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a/b", "ä", "x" * 65, "a\n", "workflow", "notify.pigeon", None, 7, b"a", ["a"], run],
    ids=lambda name: name.__name__ if callable(name) else repr(name),
)
def test_a_name_that_no_request_can_use_is_refused(name: Any) -> None:
    """`run` stands for a decorator without a call."""
    with pytest.raises(ConfigurationError, match="name"):
        task(name, registry=Registry())(run)


def test_a_decorator_without_name_says_what_to_write() -> None:
    """Bare, and called with nothing."""
    with pytest.raises(ConfigurationError, match=r'@task\("run"\)'):
        task(run)
    with pytest.raises(ConfigurationError, match=r'@task\("a\.name"\)'):
        task(lambda payload: None)
    with pytest.raises(ConfigurationError, match=r'@task\("a\.name"\)'):
        task(registry=Registry())(run)
    with pytest.raises(ConfigurationError, match="by name"):
        task("order.remind", 3, registry=Registry())


def test_two_tasks_of_a_name_are_both_off() -> None:
    """Nobody knows which of them a job means. The same code is not the same task: models and closures differ."""
    registry = Registry()

    def made(model: type[BaseModel]) -> Callable[..., Any]:
        def run(payload: model) -> str:  # type: ignore[valid-type]
            return model.__name__

        return run

    first = made(Order)
    task("twice", registry=registry)(first)
    task("twice", registry=registry)(first)
    assert registry.get("twice").payload is Order
    with pytest.raises(ConfigurationError, match=r"two tasks are called 'twice'.*test_declaring\.py:"):
        task("twice", registry=registry)(made(Orders))
    with pytest.raises(UnknownTaskError, match="declared twice"):
        registry.get("twice")
    with pytest.raises(ConfigurationError, match="twice"):
        task("twice", registry=registry)(first)


def test_two_of_one_factory_are_two() -> None:
    """With the same model, code and line."""
    registry = Registry()

    def made(answer: int) -> Callable[..., Any]:
        def run(payload: Order) -> int:
            return answer

        return run

    task("twice", registry=registry)(made(1))
    with pytest.raises(ConfigurationError, match="two tasks"):
        task("twice", registry=registry)(made(2))


# --- functions --------------------------------------------------------------------------------------------------


async def many(payload: Order) -> AsyncIterator[int]:
    yield 1


class Methods:
    def method(self, payload: Order) -> int:
        return payload.number

    @classmethod
    def of_class(cls, payload: Order) -> int:
        return payload.number

    @staticmethod
    def static(payload: Order) -> int:
        return payload.number

    def __call__(self, payload: Order) -> int:
        return payload.number


class AsyncCall:
    async def __call__(self, payload: Order) -> int:
        return payload.number


def nothing() -> None: ...
def bare(payload): ...  # type: ignore[no-untyped-def]
def a_dict(payload: dict[str, int]) -> None: ...
def a_list(payload: list[Order]) -> None: ...
def either(payload: Order | Orders) -> None: ...
def a_base(payload: BaseModel) -> None: ...
def three(payload: Order, ctx: Context, more: int) -> None: ...
def no_context(payload: Order, count: int) -> None: ...
def by_keyword(payload: Order, *, ctx: Context) -> None: ...
def only_keyword(*, payload: Order) -> None: ...
def first_context(ctx: Context) -> None: ...
def maybe_context(ctx: Context | None = None) -> None: ...
def any_number(*payload: Order) -> None: ...
def elsewhere(payload: "Elsewhere") -> None: ...
def misspelt(payload: "Ordre") -> None: ...  # type: ignore[name-defined]  # noqa: F821
def not_python(payload: "1 +") -> None: ...  # type: ignore[valid-type]  # noqa: F722


REFUSED: dict[str, tuple[Any, str]] = {
    "an async generator": (many, "an async generator is not run"),
    "a generator": (stepwise, "a generator is not run"),
    "a partial of an async generator": (functools.partial(many), "an async generator is not run"),
    "a method": (Methods.method, "a method cannot be declared"),
    "a classmethod": (vars(Methods)["of_class"], "a classmethod cannot be declared"),
    "a class": (Methods, "a class cannot be declared"),
    "a model": (Order, "a class cannot be declared"),
    "no function": (7, "int cannot be called"),
    "a lambda": (lambda payload: None, "payload has no annotation"),
    "no parameter": (nothing, "or (payload, ctx); a task without fields takes an empty model"),
    "no annotation": (bare, "payload has no annotation"),
    "a dict": (a_dict, "RootModel"),
    "a list": (a_list, "RootModel"),
    "a union": (either, "RootModel"),
    "the base": (a_base, "no value can be made of BaseModel"),
    "three": (three, "without more"),
    "no context": (no_context, "its annotation must be Context, not int"),
    "a keyword": (by_keyword, "keyword-only parameters ctx"),
    "only a keyword": (only_keyword, "keyword-only parameters payload"),
    "the context first": (
        first_context,
        "ctx: the first parameter is the payload, the context the second; a task",
    ),
    "perhaps the context": (maybe_context, "takes an empty model, as of `class Nothing(BaseModel): pass`"),
    "any number": (any_number, "it must take"),
    "a model of type checkers": (elsewhere, "cannot be resolved (NameError)"),
    "a misspelt model": (misspelt, "cannot be resolved (NameError)"),
    "no Python": (not_python, "cannot be resolved (SyntaxError)"),
    "a built-in": (print, "payload"),
}


@pytest.mark.parametrize(("function", "says"), REFUSED.values(), ids=REFUSED)
def test_what_could_never_run_is_refused_with_a_hint(function: Any, says: str) -> None:
    """Accepted, it would be dead without a hint."""
    with pytest.raises(ConfigurationError) as caught:
        declare(function)
    assert f"{__file__}:" in str(caught.value)
    assert "the task 'order.remind'" in str(caught.value)
    assert says in str(caught.value) or function is print


def with_context(payload: Order, ctx: Context) -> int:
    return ctx.attempt


def with_text(payload: "Order", ctx: "Context") -> int:
    return ctx.attempt


def with_bare_context(payload: Order, ctx) -> int:  # type: ignore[no-untyped-def]
    return int(ctx.attempt)


def with_default_context(payload: Order, ctx: Context | None = None) -> int:
    assert ctx
    return ctx.attempt


def with_default(payload: Order, again: int = 3) -> int:
    return again


def with_more(payload: Order, *more: int, deep: bool = False, **named: int) -> int:
    return payload.number


def with_alias(payload: Annotated[Order, "the order"]) -> int:
    return payload.number


def with_list(payload: Orders) -> int:
    return sum(payload.root)


def with_generic(payload: Box[int]) -> int:
    return payload.inside


@functools.wraps(run)
def wrapped(*arguments: Any, **named: Any) -> int:
    return run(*arguments, **named)


@functools.wraps(later)
def wrapper_of_later(*arguments: Any) -> Any:
    return later(*arguments)


def of_anyone(payload: Order, who: str) -> "Elsewhere":
    return payload.number if who else None


TAKEN: dict[str, tuple[Any, Any, int]] = {
    "one": (run, {}, 7),
    "context": (with_context, {}, 1),
    "text": (with_text, {}, 1),
    "bare context": (with_bare_context, {}, 1),
    "context by default": (with_default_context, {}, 1),
    "a default": (with_default, {}, 3),
    "more": (with_more, {}, 7),
    "annotated": (with_alias, {}, 7),
    "a list": (with_list, [1, 2], 3),
    "a generic": (with_generic, {"inside": 5}, 5),
    "a partial": (functools.partial(of_anyone, who="me"), {}, 7),
    "an instance": (Methods(), {}, 7),
    "a bound method": (Methods().method, {}, 7),
    "a bound classmethod": (Methods.of_class, {}, 7),
    "async def": (later, {}, 7),
    "a partial of async def": (functools.partial(later), {}, 7),
    "an async instance": (AsyncCall(), {}, 7),
    "a wrapper of async def": (wrapper_of_later, {}, 7),
    "a staticmethod": (vars(Methods)["static"], {}, 7),
    "wrapped": (wrapped, {}, 7),
}


class OneContext:
    attempt = 1


@pytest.mark.parametrize(("function", "payload", "gives"), TAKEN.values(), ids=TAKEN)
def test_what_is_accepted_runs(function: Any, payload: Any, gives: int) -> None:
    """Each of these is something that people write."""
    context: Any = OneContext()
    assert declare(function).call(payload, context) == gives


def test_a_model_of_its_own_scope_is_found() -> None:
    """Also where annotations are text."""

    class Local(BaseModel):
        size: int

    def measure(payload: "Local") -> int:
        return payload.size

    registry = Registry()
    task("local", registry=registry)(measure)
    assert registry.get("local").payload is Local


def test_an_annotation_that_says_more_than_its_model_counts() -> None:
    """A constraint must not get lost."""

    def odd(order: Order) -> Order:
        if order.number % 2 == 0:
            raise ValueError("only odd ones")
        return order

    def take(payload: Annotated[Order, AfterValidator(odd)]) -> int:
        return payload.number

    definition = declare(take)
    assert definition.parse({"number": 3}) == Order(number=3)
    with pytest.raises(InvalidPayloadError, match="does not fit"):
        definition.parse({"number": 4})


# --- channels ---------------------------------------------------------------------------------------------------


class Loft(ChannelConfig):
    loft: str


def fly(event: Event, config: Loft, attempt: Attempt) -> None: ...
async def fly_many(event: Event, config: Loft, attempt: Attempt) -> AsyncIterator[int]:
    yield 1


def fly_to(event: Event, config: "Nowhere", attempt: Attempt) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def fly_far(event: Event, config: Order, attempt: Attempt) -> None: ...
def fly_with(event: Event, config: Loft, attempt: Attempt, more: int) -> None: ...


@pytest.mark.parametrize(
    ("name", "function", "options"),
    [
        ("pigeon", fly_many, {}),
        ("pigeon", fly_to, {}),
        ("pigeon", fly_far, {}),
        ("pigeon", fly_with, {}),
        ("pigeon", lambda event, config, attempt: None, {}),
        ("pigeon", fly, {"check": "always"}),
        ("a pigeon", fly, {}),
        ("x" * 58, fly, {}),
        (None, fly, {}),
        (fly, fly, {}),
    ],
)
def test_channels_are_checked_alike(name: Any, function: Any, options: dict[str, Any]) -> None:
    """A delivery that cannot run is as dead as a job."""
    with pytest.raises(ConfigurationError, match=r"test_declaring\.py:"):
        channel(name, registry=Registry(), **options)(function)
