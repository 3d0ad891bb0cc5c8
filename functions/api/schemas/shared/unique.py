"""The unique key of a job, as submits take it."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from functions.api.schemas.base import Body
from functions.api.schemas.shared.numbers import Delay, Expiry
from functions.api.schemas.shared.policy import TypeName
from whendue.jobs.limit_spec import OnConflict, Scope
from whendue.quotas import UNIQUE_KEY_BYTES, UNIQUE_PATH_BYTES, UNIQUE_PATHS
from whendue.submission.request import JobRequest, UniqueRequest

PayloadPath = Annotated[
    str, StringConstraints(min_length=1, max_length=UNIQUE_PATH_BYTES, pattern=r"^[^.]+(\.[^.]+)*$")
]


class UniqueBody(Body):
    """A key that one job of its type holds at a time."""

    model_config = ConfigDict(json_schema_extra={"example": {"byPayload": ["order.id"], "onConflict": "return"}})

    key: str | None = Field(
        default=None,
        min_length=1,
        max_length=UNIQUE_KEY_BYTES,
        description="The key, among the jobs of the same type. Send this or `byPayload`.",
        examples=["order-7"],
    )
    by_payload: list[PayloadPath] | None = Field(
        default=None,
        max_length=UNIQUE_PATHS,
        description="Places in the payload that the key is made of: names of fields, joined by dots. At least "
        "one of them must be there; another one counts as null. An empty list means the whole payload. Send this or "
        "`key`.",
        examples=[["order.id"]],
    )
    scope: Scope = Field(
        default="running",
        description="How long the job holds the key: until it begins (`pending`), until it ends (`running`), until it "
        "succeeds, is cancelled or expires (`until_success`), or `forSeconds` from now (`for_seconds`).",
    )
    for_seconds: Expiry | None = Field(
        default=None,
        description="Seconds for which the job holds the key with the scope `for_seconds`, at most its "
        "`retentionSeconds`.",
    )
    on_conflict: OnConflict = Field(
        default="return",
        description="What happens if another job holds the key: `return` that job, `reject` this one with "
        "`unique_conflict`, `replace` that one, which is cancelled, or `postpone`: `replace` it, up to the "
        "longest wait. A job that has begun is not replaced: `unique_conflict`.",
    )
    max_wait_seconds: Delay | None = Field(
        default=None,
        description="Longest wait of `postpone`: seconds from the first of the jobs that replace each other until the "
        "last one is due; at least `delaySeconds`.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.key is None) == (self.by_payload is None):
            raise ValueError("must have exactly one of key and byPayload")
        if (self.scope == "for_seconds") != (self.for_seconds is not None):
            raise ValueError("must have forSeconds with the scope for_seconds, and not with another")
        if (self.on_conflict == "postpone") != (self.max_wait_seconds is not None):
            raise ValueError("must have maxWaitSeconds with the onConflict postpone, and not with another")
        return self

    def unique(self) -> UniqueRequest:
        """Return the key in the service's form."""
        return UniqueRequest(
            key=self.key,
            by_payload=None if self.by_payload is None else tuple(self.by_payload),
            scope=self.scope,
            for_s=self.for_seconds,
            on_conflict=self.on_conflict,
            max_wait_s=self.max_wait_seconds,
        )


class HolderBody(Body):
    """A unique key, named as a submit names it."""

    model_config = ConfigDict(json_schema_extra={"example": {"type": "demo.greet", "unique": {"key": "ada"}}})

    type: TypeName = Field(examples=["demo.greet"], description="Name of the task.")
    payload: Any = Field(
        default_factory=dict,
        description="Payload that `byPayload` takes the values from. Default: `{}`.",
        examples=[{"name": "Ada"}],
    )
    unique: UniqueBody = Field(description="The key: only `key` and `byPayload` count.")

    def request(self) -> JobRequest:
        """Return the request of a job that would take the key."""
        return JobRequest(self.type, self.payload, unique=self.unique.unique())
