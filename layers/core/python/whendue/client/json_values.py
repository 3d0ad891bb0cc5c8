"""JSON to models and back: names in camelCase there and snake_case here, times as aware datetimes in UTC."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from datetime import UTC, date, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

# Fields that hold any JSON of the user: they are sent as they are.
_VERBATIM: Final = frozenset({"payload", "for_each", "config"})
_HEADER: Final = "header"
_READ: Final = "read"
_OTHERS: Final = "others"
Reader = Callable[[Any, str], Any]


class UnexpectedJsonError(ValueError):
    """A value is not what the API describes; the text names the place."""


def from_header(name: str, *, default: Any = None, read: Callable[[str], Any] | None = None) -> Any:
    """Declare a field that is read from a header of the answer, not from its body.

    Args:
        name: of the header, in lower case.
        default: the field's value without the header; False: the field says whether the header is `true`.
        read: returns the value of a text. Default: the text itself.
    """
    return field(default=default, metadata={_HEADER: name, _READ: read})


def all_other_fields() -> Any:
    """Declare a field that holds all members of the JSON object that the model has no field for."""
    return field(default_factory=dict, metadata={_OTHERS: True})


def camel(name: str) -> str:
    """Return the name in JSON of a field, as in `dueAt` for `due_at` and `from` for `from_`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def to_json(value: Any) -> Any:
    """Return the JSON of an input; fields that are None are left out.

    Raises:
        ValueError: a datetime has no offset.
    """
    if is_dataclass(value) and not isinstance(value, type):
        given = {item.name: getattr(value, item.name) for item in fields(value)}
        return {
            camel(name): part if name in _VERBATIM else to_json(part)
            for name, part in given.items()
            if part is not None or name == "payload"
        }
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return {name: to_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    return value


def time_text(at: datetime) -> str:
    """Write a time as RFC 3339, UTC.

    Raises:
        ValueError: it has no offset, so it is not known which time is meant.
    """
    if at.utcoffset() is None:
        raise ValueError("a datetime must have an offset, as in datetime.now(UTC)")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_json(model: Any, value: Any, headers: Mapping[str, str] | None = None) -> Any:
    """Return the model of an answer's JSON. Members that the model does not know are ignored.

    Args:
        model: a dataclass, or one with its argument, as in `Page[Job]`.
        value: the JSON.
        headers: of the answer, for fields that are declared with `from_header`; names in lower case.

    Raises:
        UnexpectedJsonError: a member is missing or of another type; the text names it.
    """
    made = _reader(model)(value, "")
    if headers is None:
        return made
    for item in fields(made):
        text = headers.get(item.metadata.get(_HEADER, ""))
        if text is not None:
            # As dataclasses.replace, which would run for each header; the model is not shared yet.
            read = item.metadata.get(_READ)
            value = read(text) if read else text == "true" if item.default is False else text
            object.__setattr__(made, item.name, value)
    return made


@cache
def _reader(kind: Any) -> Reader:
    """Return what reads a type from JSON, given the value and its place."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(origin or kind):
        return _model(origin or kind, arguments)
    return _plain(kind) if origin is None else _composed(origin, arguments)


def _plain(kind: Any) -> Reader:
    if kind is Any:
        return lambda value, _: value
    return {datetime: _datetime, date: _date, float: _float}.get(kind) or _scalar(kind)


def _composed(origin: Any, arguments: tuple[Any, ...]) -> Reader:
    if origin in (Union, UnionType):
        return _optional(next(part for part in arguments if part is not NoneType))
    if origin is Literal:
        # A newer server may have more of them.
        return _scalar(str)
    if origin is tuple:
        return _list(arguments[0])
    return _mapping(arguments[1])


def _optional(kind: Any) -> Reader:
    read = _reader(kind)
    return lambda value, where: None if value is None else read(value, where)


def _list(kind: Any) -> Reader:
    read = _reader(kind)

    def items(value: Any, where: str) -> tuple[Any, ...]:
        return tuple(read(item, f"{where}[{number}]") for number, item in enumerate(_expect(value, list, where)))

    return items


def _mapping(kind: Any) -> Reader:
    read = _reader(kind)

    def entries(value: Any, where: str) -> dict[str, Any]:
        return {name: read(item, f"{where}.{name}") for name, item in _expect(value, dict, where).items()}

    return entries


def _model(model: Any, arguments: tuple[Any, ...]) -> Reader:
    hints = get_type_hints(model)
    parameters = dict(zip(getattr(model, "__parameters__", ()), arguments, strict=True))
    read = {item.name: _reader(_filled(hints[item.name], parameters)) for item in fields(model)}
    plain: list[Field[Any]] = [item for item in fields(model) if not item.metadata]
    others = [item.name for item in fields(model) if _OTHERS in item.metadata]

    def instance(value: Any, where: str) -> Any:
        given = _expect(value, dict, where)
        made: dict[str, Any] = {}
        for item in plain:
            name = camel(item.name)
            if name in given:
                made[item.name] = read[item.name](given[name], f"{where}.{name}")
            elif item.default is MISSING and item.default_factory is MISSING:
                raise UnexpectedJsonError(f"{where}.{name} is missing")
        known = {camel(item.name) for item in plain}
        made |= {name: {key: part for key, part in given.items() if key not in known} for name in others}
        return model(**made)

    return instance


def _filled(hint: Any, parameters: Mapping[Any, Any]) -> Any:
    """Return a type with the arguments of a generic model put into it."""
    if isinstance(hint, TypeVar):
        return parameters[hint]
    return hint[tuple(parameters.values())] if getattr(hint, "__parameters__", ()) else hint


def _scalar(kind: type) -> Reader:
    return lambda value, where: _expect(value, kind, where)


def _float(value: Any, where: str) -> float:
    return float(value if type(value) is int else _expect(value, float, where))


def _datetime(value: Any, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(_expect(value, str, where))
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None:
        raise UnexpectedJsonError(f"{where} is not a time")
    return at.astimezone(UTC)


def _date(value: Any, where: str) -> date:
    try:
        return date.fromisoformat(_expect(value, str, where))
    except ValueError:
        raise UnexpectedJsonError(f"{where} is not a date") from None


def _expect(value: Any, kind: type, where: str) -> Any:
    # type(...), since True is an int for isinstance.
    if type(value) is not kind:
        raise UnexpectedJsonError(f"{where or 'the body'} must be {kind.__name__}, not {type(value).__name__}")
    return value
