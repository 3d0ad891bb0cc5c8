"""Validation by models of users: whatever their validators raise becomes one bounded error without values."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from whendue.errors import Interrupted, InvalidReferenceError, InvalidRequestError, InvalidWorkflowError
from whendue.jobs.failures import clip
from whendue.outbound.ssrf import TargetRefusedError
from whendue.quotas import VALIDATION_S
from whendue.support.time_limit import OutOfTimeError, in_time

if TYPE_CHECKING:
    from pydantic import ValidationError

# Of the places that do not fit, an error names the first few.
PLACES: Final = 20
# Pydantic describes all places at once: above this many, none is described.
DESCRIBED: Final = 1000
PLACE_BYTES: Final = 256
PROBLEM_BYTES: Final = 512
# What the models of shipped tasks raise to say more than pydantic can; subclasses are users'.
OURS: Final = (InvalidWorkflowError, InvalidReferenceError, InvalidRequestError, TargetRefusedError)


R = TypeVar("R")


def validated(
    validate: Callable[[Any], R], value: object, refused: type[InvalidRequestError], what: str, *inside: str
) -> R:
    """Validate a JSON value at the door: before it is stored, and without changing it.

    Args:
        validate: makes a model of a value; code of users.
        value: a JSON value; a copy of it is validated, for validators may change what they get.
        refused: the error to raise.
        what: its message.
        inside: where the value is in the request.

    Raises:
        InvalidRequestError: of the given class; `details["errors"]` names the first places, never the values.
    """
    from pydantic import ValidationError

    try:
        return validate(json.loads(json.dumps(value)))
    except Interrupted:
        raise
    except ValidationError as error:
        raise refused(what, errors=places(error, *inside)) from None
    except BaseException as error:
        if type(error) in OURS:
            raise
        raise refused(f"{what}: {raised(error)}", errors=[fault(inside, raised(error))]) from None


def bounded(call: Callable[[], R], tenant: str, name: str, refused: type[InvalidRequestError], what: str) -> R:
    """Call what validates a value at the door; one that does not end is ended, and refuses the value.

    Args:
        call: code of users.
        tenant: whose value it is.
        name: of the task or channel.
        refused: the error to raise.
        what: its message.

    Raises:
        InvalidRequestError: of the given class.
        UnavailableError: there was no time left for it; nothing is wrong with the value.
    """
    try:
        return in_time(call, tenant, name)
    except OutOfTimeError:
        problem = f"its validator did not end within {VALIDATION_S:g} s"
        raise refused(f"{what}: {problem}", errors=[fault((), problem)]) from None


def raised(error: BaseException, who: str = "its validator") -> str:
    """Describe an error of users' code by its class alone: its text may quote a value."""
    return clip(f"{who} raised {type(error).__name__}", PROBLEM_BYTES)


def places(error: "ValidationError", *inside: str) -> list[dict[str, str]]:
    """Name the first places that do not fit, and what is wrong at each.

    Args:
        error: what pydantic says.
        inside: where the value is in the request.
    """
    try:
        count = error.error_count()
        if count > DESCRIBED:
            return [fault(inside, f"{count} places are not valid")]
        found = error.errors(include_input=False, include_url=False)
        named = [fault((*inside, *part["loc"]), _problem(part)) for part in found[:PLACES]]
    except Interrupted:
        raise
    except BaseException as broken:  # noqa: BLE001 - the text of an error of users, made by their __str__
        return [fault(inside, raised(broken, "describing what does not fit"))]
    more = [fault(inside, f"{count - PLACES} more places are not valid")] if count > PLACES else []
    return named + more


def _problem(part: Any) -> str:
    from pydantic import ValidationError

    # The text of a model within a validator would quote its input.
    if isinstance(part.get("ctx", {}).get("error"), ValidationError):
        return "does not fit"
    return str(part["msg"])


def fault(where: tuple[Any, ...], problem: str) -> dict[str, str]:
    """Return an entry of an error's list: where something does not fit, and what is wrong there, clipped."""
    return {"where": clip(".".join(map(str, where)), PLACE_BYTES), "problem": clip(problem, PROBLEM_BYTES)}
