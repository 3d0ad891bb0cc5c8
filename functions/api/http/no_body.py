"""Routes that take no fields refuse a body with some: a caller that sends one expects it to do something."""

from typing import Any, Final

from whendue.errors import InvalidRequestError

# Of names that an answer repeats, as in an unknown query parameter.
NAMED: Final = 20
NAME_CHARACTERS: Final = 64


def refuse_fields(body: Any) -> None:
    """Refuse fields that the route would ignore; no body, `{}` and `null` are fine.

    Raises:
        InvalidRequestError: there are some; their places are named.
    """
    if body is None or body == {}:
        return
    problem = "is not supported: send this request without a body"
    names = sorted(f"body.{name[:NAME_CHARACTERS]}" for name in body) if isinstance(body, dict) else ["body"]
    raise InvalidRequestError(
        "the request is not valid", errors=[{"where": where, "problem": problem} for where in names[:NAMED]]
    )
