"""whendue.declarations.schema_cost: which schemas could take for ever, whatever the payload is."""

import json
from typing import Any, Optional

import pytest
from pydantic import BaseModel, RootModel

from whendue.declarations.described import DescribedTask
from whendue.declarations.schema_cost import LOOKS, looks
from whendue.manifest.accepted_schema import AcceptedSchema
from whendue.quotas import JSON_DEPTH


class A(BaseModel):
    """One of the kinds of nodes of a tree."""

    k: str
    n: Optional["Tree"] = None


class B(BaseModel):
    """Another one."""

    k: int
    n: Optional["Tree"] = None


class Tree(RootModel[A | B | list["Tree"]]):
    """A tree of several kinds of nodes: each level doubles the work."""


class Chain(BaseModel):
    """A model that refers to itself, as an option and in a list."""

    left: Optional["Chain"] = None
    right: Optional["Chain"] = None
    more: list["Chain"] = []
    value: int | str = 0


class Wide(BaseModel):
    """Unions without an end in themselves."""

    choice: int | str | float | None = None
    lists: dict[str, int | list[int | str]] = {}


def accepts(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(json.dumps(model.model_json_schema(schema_generator=AcceptedSchema)))
    return schema


@pytest.fixture(autouse=True)
def rebuilt() -> None:
    for model in (A, B, Tree, Chain):
        model.model_rebuild()


def test_a_tree_of_several_kinds_of_nodes_takes_too_many_looks() -> None:
    """Twice as many for each level: four thousand millions for the deepest payload."""
    assert looks(accepts(Tree)) == LOOKS + 1


@pytest.mark.parametrize("model", [Chain, Wide])
def test_other_unions_take_few(model: type[BaseModel]) -> None:
    """Such as an optional value of the same model: one more for each level."""
    assert 1 < looks(accepts(model)) <= JSON_DEPTH + 3


def test_nested_choices_multiply() -> None:
    """Also without a reference to themselves; and a reference that leads to itself has no end."""
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(5):
        schema = {"anyOf": [schema, schema]}
    assert looks(schema) == 32
    assert looks({"anyOf": [schema, schema, schema]}) == LOOKS + 1
    assert looks({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}) == LOOKS + 1
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"allOf": [deep]}
    assert looks(deep) == LOOKS + 1


def test_such_a_payload_is_left_to_the_worker() -> None:
    """A request of 300 bytes kept an API for minutes, and took 20 GB."""
    payload: Any = []
    for _ in range(27):
        payload = {"k": "x", "n": payload}
    DescribedTask("tree.walk", "tasks", accepts=accepts(Tree)).parse({"k": []})
    DescribedTask("tree.walk", "tasks", accepts=accepts(Tree)).parse(payload)
