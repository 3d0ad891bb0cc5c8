"""Tasks as objects: whatever could be done with the function can be done with the task."""

import asyncio
import copy
import doctest
import functools
import inspect
import pickle
import sys
import traceback
import typing
from typing import Any

import pytest
from pydantic import AliasChoices, BaseModel, Field, RootModel, SecretStr

from whendue import Context, Task, task
from whendue.declarations.calls import task_object
from whendue.declarations.calls.model import Call
from whendue.declarations.registry import Registry
from whendue.errors import InvalidPayloadError

REGISTRY = Registry()


class Order(BaseModel):
    number: int
    tags: set[str] = set()
    unit: str = Field(default="EUR", alias="unitName")


class Orders(RootModel[list[int]]):
    """A payload without fields."""


@task("order.double", registry=REGISTRY, max_attempts=3)
def double(payload: Order, ctx: Context | None = None) -> int:
    """Double a number.

    >>> double(Order(number=2))
    4
    """
    return 2 * payload.number


@task("order.later", registry=REGISTRY)
async def later(payload: Order) -> int:
    return payload.number


@task("order.second", registry=REGISTRY)
@task("order.first", registry=REGISTRY)
def both(payload: Order) -> int:
    return payload.number


@task("orders.all", registry=REGISTRY)
def every(payload: Orders) -> list[int]:
    return payload.root


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """The calls that tasks make, which go nowhere."""
    calls: list[Call] = []
    monkeypatch.setattr(task_object, "submit_job", calls.append)
    return calls


# --- as the function ---------------------------------------------------------------------------------------------


def test_a_task_is_called_as_its_function_is() -> None:
    """By position and by name; and no job is made of it."""
    typing.assert_type(double(Order(number=2)), int)
    assert (double(Order(number=2)), double(payload=Order(number=3), ctx=None)) == (4, 6)
    assert asyncio.run(later(Order(number=7))) == 7
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        double()  # type: ignore[call-arg]


def test_a_task_looks_like_its_function() -> None:
    """For what inspects it: name, module, docstring, signature, hints, and whether it is a coroutine function."""
    assert isinstance(double, Task)
    found: Any = double
    assert (found.__name__, found.__module__, found.__qualname__) == ("double", __name__, "double")
    assert str(inspect.signature(double)) == str(inspect.signature(double.function))
    assert list(inspect.signature(double).parameters) == ["payload", "ctx"]
    assert typing.get_type_hints(double)["payload"] is Order
    assert [inspect.iscoroutinefunction(each) for each in (double, later)] == [False, True]
    assert "Double a number" in (inspect.getdoc(double) or "")
    assert "return 2 * payload.number" in inspect.getsource(double)
    assert repr(double) == "<task 'order.double'>"


def test_the_doctests_of_a_task_are_found() -> None:
    """They are its users' tests."""
    found = doctest.DocTestFinder().find(sys.modules[__name__])
    [test] = [each for each in found if each.name.endswith(".double")]
    assert doctest.DocTestRunner().run(test).failed == 0
    assert len(test.examples) == 1


def test_a_task_is_pickled_by_reference() -> None:
    """As functions are: it can be handed to a pool of processes."""
    assert pickle.loads(pickle.dumps(double)) is double
    assert copy.deepcopy([double]) == [double]


def test_a_function_may_be_several_tasks_and_a_task_may_be_wrapped() -> None:
    """The outer decorator's task is the one that submits."""
    assert (both.name, both(Order(number=1))) == ("order.second", 1)
    assert [REGISTRY.get(name).function for name in ("order.first", "order.second")] == [both.function] * 2
    assert not isinstance(both.function, Task)

    @functools.wraps(double)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return double(*args, **kwargs) + 1

    assert (wrapper.__name__, wrapper(Order(number=1))) == ("double", 3)


def test_attributes_of_the_function_are_the_tasks() -> None:
    """But for the task's own."""

    def counted(payload: Order) -> None: ...

    counted.seen, counted.definition = 3, "mine"  # type: ignore[attr-defined]
    made: Any = task("order.counted", registry=Registry())(counted)
    assert (made.seen, made.name) == (3, "order.counted")
    assert made.definition.name == "order.counted"


def test_what_has_no_name_is_a_task_too() -> None:
    """A partial, or an instance that can be called."""

    class Adds:
        def __call__(self, payload: Order) -> int:
            return payload.number + 1

    added = task("order.added", registry=Registry())(Adds())
    assert added(Order(number=1)) == 2
    part: Any = task("order.part", registry=Registry())(functools.partial(double.function, ctx=None))
    assert (part(Order(number=1)), repr(part)) == (2, "<task 'order.part'>")


# --- jobs --------------------------------------------------------------------------------------------------------


def test_delay_makes_the_payload_of_its_fields(submitted: list[Call]) -> None:
    """By the model, which checks them and writes them."""
    double.delay(number=7, tags={"a"}, unitName="USD")
    assert submitted == [Call(type="order.double", payload={"number": 7, "tags": ["a"], "unitName": "USD"})]


def test_delay_takes_a_whole_payload_too(submitted: list[Call]) -> None:
    """A model without fields has no other way."""
    every.delay(Orders([1, 2]))
    every.delay([3])
    double.delay(Order(number=1))
    assert [call.payload for call in submitted] == [[1, 2], [3], {"number": 1, "tags": [], "unitName": "EUR"}]


def test_fields_that_do_not_fit_are_refused_at_once(submitted: list[Call]) -> None:
    """With their places, and without their values."""
    secret = "hunter2"
    with pytest.raises(InvalidPayloadError, match=r"does not fit the task order\.double") as caught:
        double.delay(number=secret)
    assert caught.value.details["errors"][0]["where"] == "number"  # type: ignore[index]
    [note] = caught.value.__notes__
    assert note.startswith("number: Input should be a valid integer")
    shown = "".join(traceback.format_exception(caught.value))
    assert note in shown
    assert secret not in shown
    assert secret not in str(caught.value.details)
    with pytest.raises(TypeError, match="not both"):
        double.delay(Order(number=1), number=2)
    assert submitted == []


def test_a_few_places_are_shown(submitted: list[Call]) -> None:
    """Of a long list the first ones, and how many there are; `details` has more."""
    with pytest.raises(InvalidPayloadError) as caught:
        double.delay(number=1, tags=list(range(9)))
    assert [note.split(":")[0] for note in caught.value.__notes__] == [
        *(f"tags.{number}" for number in range(5)),
        "and 4 more in details",
    ]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.__notes__, again.details) == (caught.value.__notes__, caught.value.details)


def test_a_misspelt_field_is_refused_where_the_model_would_ignore_it(submitted: list[Call]) -> None:
    """A function has no such parameter either; a model that allows further fields gets them."""
    for wrong in ("nummer", "unit"):
        with pytest.raises(TypeError, match=f"Order has no field {wrong}; its fields are number, tags, unitName"):
            double.delay(number=1, **{wrong: 2})
    assert submitted == []

    class Open(BaseModel, extra="allow"):
        """Any fields."""

    class Lenient(BaseModel, populate_by_name=True):
        x: int = Field(alias="y")

    class Choosy(BaseModel):
        x: int = Field(validation_alias=AliasChoices("a", "b"))

    def take(payload: Open) -> None: ...

    def choose(payload: Choosy) -> None: ...

    def be(payload: Lenient) -> None: ...

    task("open", registry=Registry())(take).delay(zebra=1)
    task("choosy", registry=Registry())(choose).delay(b=1)
    task("lenient", registry=Registry())(be).delay(x=1)
    assert [call.payload for call in submitted] == [{"zebra": 1}, {"x": 1}, {"y": 1}]


def test_a_secret_is_written_as_the_model_writes_it(submitted: list[Call]) -> None:
    """It is masked: a payload is shown to all who may read the job, so no secret belongs there."""

    class Login(BaseModel):
        password: SecretStr

    def login(payload: Login) -> None: ...

    task("login", registry=Registry())(login).delay(password="hunter2")
    assert submitted[0].payload == {"password": "**********"}


def test_submit_takes_fields_of_the_job(submitted: list[Call]) -> None:
    """And s makes a signature."""
    double.submit({"number": 1}, in_=60, priority="high", key="k", tags={"a": "b"})
    [call] = submitted
    assert call == Call(
        type="order.double",
        payload={"number": 1},
        key="k",
        delay_s=60,
        fields={"priority": "high", "tags": {"a": "b"}},
    )
    assert repr(double.s(number=1)) == "<signature of 'order.double'>"
