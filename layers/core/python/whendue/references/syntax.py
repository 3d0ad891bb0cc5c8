"""References in payloads to results of dependencies, and to the item of a forEach (docs/guide/workflows.md). Pure.

`{"$from": "fetch", "path": "items[0].url", "default": null}` stands for a part of the result of the dependency called
fetch, `{"$item": "url"}` for a part of the item. What they give is data: references in it are none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from whendue.errors import BadReferenceError, InvalidReferenceError
from whendue.jobs.dependencies import On
from whendue.quotas import JSON_DEPTH, PAYLOAD_BYTES, REFERENCES
from whendue.references.bounded_jmespath import check_path, new_budget, searched, size_of

if TYPE_CHECKING:
    from whendue.references.interpreter import Budget

FROM: Final = "$from"
ITEM: Final = "$item"


class Missing(Enum):
    """The type of MISSING: no result, no item, no default."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in a payload.

    Args:
        where: its position, as in `body.urls.0`; empty for the whole payload.
        names: the dependencies whose results it takes; none for the item.
        several: its value is a list with one result for each name.
        path: JMESPath of the part that it takes; None for the whole.
        default: its value if it finds nothing.
    """

    where: str
    names: tuple[str, ...] = ()
    several: bool = False
    path: str | None = None
    default: Any = MISSING

    @property
    def to_item(self) -> bool:
        """Whether it takes the item of a forEach."""
        return not self.names


def find(payload: Any) -> list[Reference]:
    """List the references of a payload, those to the item included.

    Raises:
        InvalidReferenceError: one is malformed, or there are too many.
    """
    found = [reference for reference, _ in _walk(payload, "", 0)]
    if len(found) > REFERENCES:
        raise InvalidReferenceError(("payload", f"must have at most {REFERENCES} references"))
    return found


def resolve(
    payload: Any,
    results: Mapping[str, Any | Missing],
    item: Any | Missing = MISSING,
    budget: "Budget | None" = None,
) -> Any:
    """Return a payload with each reference replaced by its value.

    All at once: what came out of a result or an item is never taken for a reference.

    Args:
        payload: as submitted.
        results: of dependencies, by their names; MISSING for one that has none.
        item: of the forEach.
        budget: the steps that its paths have together; all that a payload may have where none is given.

    Raises:
        BadReferenceError: there is nothing where a reference points, and it has no default; or nothing that JSON could
            hold; or it takes too many steps to find out.
        InvalidReferenceError: a reference is malformed.
    """
    return _Resolver(results, item, budget or new_budget()).replaced(payload, "", 0)


def listed(for_each: Any, results: Mapping[str, Any | Missing], budget: "Budget | None" = None) -> list[Any]:
    """Return the list that a forEach runs over.

    Raises:
        BadReferenceError: it is nothing, or no list.
    """
    found = resolve(for_each, results, budget=budget)
    if not isinstance(found, list):
        raise BadReferenceError("forEach: the value that it refers to is not a list")
    return found


def renamed(payload: Any, name: str, names: Sequence[str]) -> Any:
    """Return a payload in which references to one name become references to a list of others."""
    if _is_reference(payload):
        return payload | {FROM: list(names)} if payload.get(FROM) == name else payload
    if isinstance(payload, dict):
        return {member: renamed(part, name, names) for member, part in payload.items()}
    if isinstance(payload, list):
        return [renamed(part, name, names) for part in payload]
    return payload


# --- what is wrong, where that is knowable ----------------------------------------------------------------------------


def faults(payload: Any, dependencies: Mapping[str, On], where: str, *, item: bool = False) -> list[tuple[str, str]]:
    """List places of references that can never be resolved, and what is wrong at each.

    Args:
        payload: as submitted.
        dependencies: the names of the job's dependencies, and which of their ends it waits for.
        where: the payload's place, for the answer.
        item: whether the payload is the one of a forEach's items.
    """
    try:
        return [
            (_at(where, entry.where), wrong)
            for entry in find(payload)
            if (wrong := _fault(entry, dependencies, item=item))
        ]
    except InvalidReferenceError as error:
        return _moved(error, where)


def list_faults(for_each: Any, dependencies: Mapping[str, On], where: str) -> list[tuple[str, str]]:
    """List what is wrong with the reference to a forEach's list."""
    if not _is_reference(for_each):
        return [(where, f'must be a reference to a list, as in {{"{FROM}": "name", "path": "items"}}')]
    return faults(for_each, dependencies, where)


def _fault(reference: Reference, dependencies: Mapping[str, On], *, item: bool) -> str | None:
    if reference.to_item:
        return None if item else f"{ITEM} can be used only in the payload of a node with forEach"
    if unknown := [name for name in reference.names if name not in dependencies]:
        return f"{unknown[0]} is not in dependsOn; add it there, or refer to a job that is"
    if reference.default is MISSING and (
        failed := [name for name in reference.names if dependencies[name] == "failure"]
    ):
        return f"{failed[0]} has no result when it fails: add a default"
    return None


def _moved(error: InvalidReferenceError, where: str) -> list[tuple[str, str]]:
    places: Any = error.details["errors"]
    return [(_at(where, fault["where"]), fault["problem"]) for fault in places]


def _at(where: str, inner: str) -> str:
    return f"{where}.{inner}" if where and inner else where or inner


# --- reading ----------------------------------------------------------------------------------------------------------


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and (FROM in value or ITEM in value)


def _walk(value: Any, where: str, depth: int) -> Iterator[tuple[Reference, Any]]:
    """Find references, in order."""
    if depth > JSON_DEPTH:
        raise InvalidReferenceError((where, f"must be nested at most {JSON_DEPTH} levels deep"))
    if _is_reference(value):
        yield _read(value, where), value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _walk(part, _at(where, name), depth + 1)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _walk(part, _at(where, str(number)), depth + 1)


def _read(value: dict[str, Any], where: str) -> Reference:
    path: Any
    names: list[Any]
    if ITEM in value:
        names, several, path, members = [], False, value[ITEM], {ITEM, "default"}
    else:
        several = isinstance(value[FROM], list)
        names = value[FROM] if several else [value[FROM]]
        path, members = value.get("path"), {FROM, "path", "default"}
        if not names or not all(isinstance(name, str) and name for name in names):
            raise InvalidReferenceError(
                (where, f"{FROM} must be the name of a direct dependency, or a list of such names")
            )
    if value.keys() - members:
        raise InvalidReferenceError((where, f"a reference may only have the members {', '.join(sorted(members))}"))
    if ITEM in value or "path" in value:
        check_path(path, where)
    return Reference(where, tuple(names), several, path, value.get("default", MISSING))


# --- resolving --------------------------------------------------------------------------------------------------------


class _Resolver:
    """Puts what references stand for in their places, and counts its bytes."""

    def __init__(self, results: Mapping[str, Any | Missing], item: Any | Missing, budget: "Budget") -> None:
        self._results = results
        self._item = item
        self._budget = budget
        self._left = PAYLOAD_BYTES

    def replaced(self, value: Any, where: str, depth: int) -> Any:
        """Return the value with its references replaced."""
        if depth > JSON_DEPTH:
            raise InvalidReferenceError((where, f"must be nested at most {JSON_DEPTH} levels deep"))
        if _is_reference(value):
            return self._value(_read(value, where))
        if isinstance(value, dict):
            return {name: self.replaced(part, _at(where, name), depth + 1) for name, part in value.items()}
        if isinstance(value, list):
            return [self.replaced(part, _at(where, str(number)), depth + 1) for number, part in enumerate(value)]
        return value

    def _value(self, reference: Reference) -> Any:
        value = self._taken(reference)
        if value is MISSING:
            raise BadReferenceError(f"{_named(reference)}: it has no value and no default")
        self._left -= size_of(value, _named(reference), self._budget)
        if self._left < 0:
            raise BadReferenceError(
                f"{_named(reference)}: its value makes the payload larger than {PAYLOAD_BYTES} bytes"
            )
        return value

    def _taken(self, reference: Reference) -> Any:
        if reference.to_item:
            whole = self._item
        elif reference.several:
            found = [self._results.get(name, MISSING) for name in reference.names]
            whole = [reference.default if item is MISSING else item for item in found]
            whole = MISSING if MISSING in whole else whole
        else:
            whole = self._results.get(reference.names[0], MISSING)
        if whole is MISSING:
            return reference.default
        if reference.path is None or reference.path == "@":
            return whole
        found = searched(reference.path, whole, _named(reference), self._budget)
        return reference.default if found is None else found


def _named(reference: Reference) -> str:
    """Name a reference, without any value."""
    names = ", ".join(reference.names[:3]) + (", ..." if len(reference.names) > 3 else "")  # noqa: PLR2004
    return f"{reference.where or 'payload'} ({f'{FROM}: {names}' if names else ITEM})"
