"""Tasks as objects: what `@task` makes of a function. It is called as the function is, and submits jobs of it."""

import functools
from collections.abc import Callable
from typing import Any, Final, Generic, ParamSpec, TypeVar, Unpack

from pydantic import BaseModel

from whendue.declarations.calls.handles import AsyncJobHandle, JobHandle, submit_job, submit_job_async
from whendue.declarations.calls.model import UNSET, Call, Options, call_of
from whendue.declarations.calls.signatures import Signature
from whendue.declarations.definitions import TaskDefinition

P = ParamSpec("P")
R = TypeVar("R")
# By these, `inspect` recognises what works like a function, a coroutine function among them.
_OF_FUNCTIONS: Final = ("__code__", "__defaults__", "__kwdefaults__")


class Task(Generic[P, R]):
    """A task: callable with the parameters and the result of its function, and picklable by its name.

    Inside of a running task its methods create jobs as `Context.submit` does, once for all attempts. Elsewhere they use
    the client in force (`whendue.client.use`, `whendue.client.configure`), and raise its errors.

    Args:
        definition: the task as declared.
        function: what `@task` was applied to.
    """

    def __init__(self, definition: TaskDefinition, function: Callable[P, R]) -> None:
        """Take the place of a function."""
        functools.update_wrapper(self, function)
        for name in _OF_FUNCTIONS:
            if hasattr(function, name):
                setattr(self, name, getattr(function, name))
        self._function = function
        self.definition = definition

    @property
    def name(self) -> str:
        """The job type."""
        return self.definition.name

    @property
    def function(self) -> Callable[P, R]:
        """What `@task` was applied to."""
        return self._function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function here and now; no job is made of it."""
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.name!r}>"

    def __reduce__(self) -> str:
        """Be pickled by reference, as functions are."""
        return str(getattr(self, "__qualname__", self.name))

    # --- jobs ----------------------------------------------------------------------------------------------------

    def submit(self, payload: Any = UNSET, *, key: str | None = None, **options: Unpack[Options]) -> JobHandle:
        """Submit a job.

        Args:
            payload: the payload's model, or JSON that fits it. Default: `{}`.
            key: makes the call safe to repeat: the same key is the same job.
            options: fields of the job, see `Options`.

        Raises:
            InvalidPayloadError, PayloadTooLargeError: the payload cannot be sent.
            InvalidRequestError, TypeError: an option is not valid.
            ClientError: as the client in force; inside of a task, what `Context.submit` raises.
        """
        return submit_job(call_of(self, payload, key, options))

    async def submit_async(
        self, payload: Any = UNSET, *, key: str | None = None, **options: Unpack[Options]
    ) -> AsyncJobHandle:
        """Submit a job as `submit` does; the client in force may be an `AsyncClient`, or one that blocks a thread."""
        return await submit_job_async(call_of(self, payload, key, options))

    def delay(self, payload: Any = UNSET, /, **fields: Any) -> JobHandle:
        """Submit a job that is due at once.

        Args:
            payload: as of `submit`; for models that have no fields, such as a RootModel.
            fields: of the payload's model, by name or alias.

        Raises:
            InvalidPayloadError: the fields do not fit the model; otherwise as `submit`.
            TypeError: the model has no such field, and would ignore it.
        """
        return submit_job(self._now(payload, fields))

    async def delay_async(self, payload: Any = UNSET, /, **fields: Any) -> AsyncJobHandle:
        """Submit a job that is due at once, as `submit_async` does; arguments as of `delay`."""
        return await submit_job_async(self._now(payload, fields))

    def s(self, payload: Any = UNSET, /, **fields: Any) -> Signature:
        """Return a job to be, for `chain`, `group` and `chord`.

        Args:
            payload: as of `submit`; it may refer to results with `previous()`. Default: the results of what comes
                before it.
            fields: of the payload, as JSON has them.
        """
        return Signature(self.name, _given(payload, fields))

    def _now(self, payload: Any, fields: dict[str, Any]) -> Call:
        given = _given(payload, fields)
        if fields:
            _check_names(self.definition.payload, fields)
            given = self.definition.model_of(fields)
        return call_of(self, given, None, {})


def _check_names(model: type[BaseModel], fields: dict[str, Any]) -> None:
    """Refuse fields that a model does not have, where it would ignore them: a misspelt one would be lost.

    Raises:
        TypeError: there is one, as for a parameter that a function does not have.
    """
    known = _names_of(model)
    if known is None or model.model_config.get("extra", "ignore") != "ignore":
        return
    if unknown := [name for name in fields if name not in known]:
        raise TypeError(f"{model.__name__} has no field {unknown[0]}; its fields are {', '.join(sorted(known))}")


def _names_of(model: type[BaseModel]) -> set[str] | None:
    """Return the names by which a model takes its fields; None if they are paths, or one of several."""
    takes_names = model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name")
    known: set[str] = set()
    for name, field in model.model_fields.items():
        alias = field.validation_alias or field.alias or name
        if not isinstance(alias, str):
            return None
        known |= {alias, name} if takes_names else {alias}
    return known


def _given(payload: Any, fields: dict[str, Any]) -> Any:
    """Return a payload that was given as a whole or by its fields."""
    if fields and payload is not UNSET:
        raise TypeError("give the payload or its fields, not both")
    return fields or payload
