"""A client of the HTTP API, blocking and asynchronous. Its guide is docs/guide/client.md.

Start with `operations`, which lists what it can do; `flows/sending` sends each request. Imports `support`, `version`
and httpx, and nothing of the server: it needs neither boto3 nor pydantic.
"""

from whendue.client.async_client import (
    AsyncClient,
)
from whendue.client.errors import (
    ApiError,
    ClientError,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    JobNotSucceededError,
    NotFoundError,
    PreconditionFailedError,
    TokenError,
    TooManyRequestsError,
    TransportError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
    WaitTimeoutError,
)
from whendue.client.in_force import (
    configure,
    current_client,
    use,
)
from whendue.client.inputs.definitions import (
    NewProfile,
    NewSchedule,
    NewSubscription,
)
from whendue.client.inputs.jobs import (
    BatchJob,
    DeadLetterFilter,
    Dependency,
    JobTemplate,
    NewJob,
)
from whendue.client.inputs.workflows import (
    Chord,
    Edge,
    NewWorkflow,
    Node,
    Step,
    WorkflowTemplate,
)
from whendue.client.listing import (
    AsyncItems,
    Items,
)
from whendue.client.models.common import (
    Attempt,
    AttemptFailure,
    AttemptLog,
    Backoff,
    Cause,
    Failure,
    Limits,
    LogLine,
    Page,
    Problem,
    ProblemPlace,
    Sourced,
)
from whendue.client.models.jobs import (
    BatchItem,
    DeadLetterGroup,
    DeadLetters,
    EffectiveBackoff,
    EffectivePolicy,
    Explanation,
    FailedRedrive,
    Job,
    JobWithPolicy,
    JobWithTimeline,
    Reason,
    RedriveResult,
)
from whendue.client.models.schedules import (
    Backfill,
    Fire,
    FireJob,
    Misfire,
    Preview,
    Schedule,
    SchedulePause,
    UpcomingFire,
)
from whendue.client.models.subscriptions import (
    Delivery,
    EventFilter,
    Subscription,
    SubscriptionWithSecret,
)
from whendue.client.models.tenant import (
    Health,
    Pause,
    Profile,
    Queue,
    TenantPause,
    TenantUsage,
    TypeUsage,
    Usage,
    Used,
)
from whendue.client.models.workflows import (
    Workflow,
    WorkflowDetails,
    WorkflowEdge,
    WorkflowNode,
)
from whendue.client.retry_policy import (
    RetryPolicy,
)
from whendue.client.sync_client import (
    Client,
)
from whendue.client.tokens.client_credentials import (
    ClientCredentials,
)
from whendue.client.tokens.sources import (
    TokenFile,
)

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncItems",
    "Attempt",
    "AttemptFailure",
    "AttemptLog",
    "Backfill",
    "Backoff",
    "BatchItem",
    "BatchJob",
    "Cause",
    "Chord",
    "Client",
    "ClientCredentials",
    "ClientError",
    "ConflictError",
    "DeadLetterFilter",
    "DeadLetterGroup",
    "DeadLetters",
    "Delivery",
    "Dependency",
    "Edge",
    "EffectiveBackoff",
    "EffectivePolicy",
    "EventFilter",
    "Explanation",
    "FailedRedrive",
    "Failure",
    "Fire",
    "FireJob",
    "ForbiddenError",
    "Health",
    "InvalidRequestError",
    "Items",
    "Job",
    "JobNotSucceededError",
    "JobTemplate",
    "JobWithPolicy",
    "JobWithTimeline",
    "Limits",
    "LogLine",
    "Misfire",
    "NewJob",
    "NewProfile",
    "NewSchedule",
    "NewSubscription",
    "NewWorkflow",
    "Node",
    "NotFoundError",
    "Page",
    "Pause",
    "PreconditionFailedError",
    "Preview",
    "Problem",
    "ProblemPlace",
    "Profile",
    "Queue",
    "Reason",
    "RedriveResult",
    "RetryPolicy",
    "Schedule",
    "SchedulePause",
    "Sourced",
    "Step",
    "Subscription",
    "SubscriptionWithSecret",
    "TenantPause",
    "TenantUsage",
    "TokenError",
    "TokenFile",
    "TooManyRequestsError",
    "TransportError",
    "TypeUsage",
    "UnauthorizedError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UpcomingFire",
    "Usage",
    "Used",
    "WaitTimeoutError",
    "Workflow",
    "WorkflowDetails",
    "WorkflowEdge",
    "WorkflowNode",
    "WorkflowTemplate",
    "configure",
    "current_client",
    "use",
]
