"""All operations of both clients, listed once. What an operation returns depends on the client that it is called on."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from whendue.client.actions import Flow
from whendue.client.flows import bulk, waiting
from whendue.client.listing import AsyncItems, Items, Listing
from whendue.client.messages import Request
from whendue.client.requests import bulk as operations
from whendue.client.requests import jobs, schedules, subscriptions, tenant, workflows

P = ParamSpec("P")
T = TypeVar("T")
G = TypeVar("G")


class SyncRunner(ABC):
    """Runs flows and returns their results."""

    @abstractmethod
    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end."""


class AsyncRunner(ABC):
    """Runs flows and returns their results when awaited."""

    @abstractmethod
    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end."""


class Operation(Generic[P, T]):
    """A method of both clients that returns a result, or what it returns when awaited.

    Args:
        flow: makes the flow.
        documented: the function that has the parameters and the docstring of the method.
    """

    def __init__(self, flow: Callable[P, Flow[T]], documented: Callable[P, object]) -> None:
        """Make a method of a flow."""
        self._flow = flow
        self._documented = documented

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember the name of the method."""
        self._name = name

    @overload
    def __get__(self, client: SyncRunner, owner: Any = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncRunner, owner: Any = None) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: None, owner: Any = None) -> Callable[Concatenate[Any, P], Any]: ...
    def __get__(self, client: Any, owner: Any = None) -> Any:
        if client is None:
            return _unbound(self._name, self._documented)

        @wraps(self._documented)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.run(self._flow(*args, **kwargs))

        return method


class ListOperation(Generic[P, G, T]):
    """A method of both clients that returns an iterable over the items of a list.

    Args:
        listing: makes the list.
    """

    def __init__(self, listing: Callable[P, Listing[G, T]]) -> None:
        """Make a method of a list."""
        self._listing = listing

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember the name of the method."""
        self._name = name

    @overload
    def __get__(self, client: SyncRunner, owner: Any = None) -> Callable[P, Items[G, T]]: ...
    @overload
    def __get__(self, client: AsyncRunner, owner: Any = None) -> Callable[P, AsyncItems[G, T]]: ...
    @overload
    def __get__(self, client: None, owner: Any = None) -> Callable[Concatenate[Any, P], Any]: ...
    def __get__(self, client: Any, owner: Any = None) -> Any:
        if client is None:
            return _unbound(self._name, self._listing)
        kind = Items if isinstance(client, SyncRunner) else AsyncItems

        @wraps(self._listing)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return kind(self._listing(*args, **kwargs), lambda request: client.run(_single(request)))

        return method


def _unbound(name: str, documented: Callable[..., object]) -> Callable[..., Any]:
    """Return a method as its class has it, with the parameters and the docstring that `help` shows."""

    @wraps(documented)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, name)(*args, **kwargs)

    own = signature(documented)
    first = Parameter("self", Parameter.POSITIONAL_ONLY)
    # What it returns depends on the client: the value, or an awaitable of it.
    method.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[first, *own.parameters.values()], return_annotation=Signature.empty
    )
    return method


def _single(request: Request[T]) -> Flow[T]:
    result: T = yield request
    return result


def _sends(make: Callable[P, Request[T]]) -> Operation[P, T]:
    """Return the operation that sends one request."""

    def flow(*args: P.args, **kwargs: P.kwargs) -> Flow[T]:
        return _single(make(*args, **kwargs))

    return Operation(flow, make)


def _runs(flow: Callable[P, Flow[T]]) -> Operation[P, T]:
    """Return the operation that runs a flow of several requests."""
    return Operation(flow, flow)


class Operations:
    """The operations of the API, named by their operationIds, and what takes several requests."""

    # Jobs.
    submit_job = _sends(jobs.submit_job)
    schedule_task = _sends(jobs.schedule_task)
    submit_jobs = _runs(bulk.submit_jobs)
    list_jobs = ListOperation(jobs.list_jobs)
    get_job = _sends(jobs.get_job)
    wait_for_job = _runs(waiting.wait_for_job)
    get_job_payload = _sends(jobs.get_job_payload)
    get_job_result = _sends(jobs.get_job_result)
    list_job_attempts = ListOperation(jobs.list_job_attempts)
    list_job_logs = ListOperation(jobs.list_job_logs)
    list_job_events = ListOperation(jobs.list_job_events)
    explain_job = _sends(jobs.explain_job)
    find_unique_holder = _sends(jobs.find_unique_holder)
    update_job = _sends(jobs.update_job)
    cancel_job = _sends(jobs.cancel_job)
    redrive_job = _sends(jobs.redrive_job)
    erase_job = _sends(jobs.erase_job)
    list_dead_letters = ListOperation(jobs.list_dead_letters)
    list_dead_letters_by_tenant = ListOperation(jobs.list_dead_letters_by_tenant)
    redrive_dead_letters = _sends(jobs.redrive_dead_letters)
    redrive_all_dead_letters = _runs(bulk.redrive_all_dead_letters)
    # Bulk operations.
    start_operation = _sends(operations.start_operation)
    get_operation = _sends(operations.get_operation)
    list_operations = ListOperation(operations.list_operations)
    cancel_operation = _sends(operations.cancel_operation)
    undo_operation = _sends(operations.undo_operation)
    wait_for_operation = _runs(waiting.wait_for_operation)
    # Workflows.
    submit_workflow = _sends(workflows.submit_workflow)
    list_workflows = ListOperation(workflows.list_workflows)
    get_workflow = _sends(workflows.get_workflow)
    wait_for_workflow = _runs(waiting.wait_for_workflow)
    cancel_workflow = _sends(workflows.cancel_workflow)
    retry_workflow = _sends(workflows.retry_workflow)
    # Schedules.
    put_schedule = _sends(schedules.put_schedule)
    list_schedules = ListOperation(schedules.list_schedules)
    get_schedule = _sends(schedules.get_schedule)
    delete_schedule = _sends(schedules.delete_schedule)
    pause_schedule = _sends(schedules.pause_schedule)
    resume_schedule = _sends(schedules.resume_schedule)
    trigger_schedule = _sends(schedules.trigger_schedule)
    preview_schedule = _sends(schedules.preview_schedule)
    preview_unsaved_schedule = _sends(schedules.preview_unsaved_schedule)
    list_fires = ListOperation(schedules.list_fires)
    backfill_schedule = _sends(schedules.backfill_schedule)
    get_backfill = _sends(schedules.get_backfill)
    list_backfills = ListOperation(schedules.list_backfills)
    cancel_backfill = _sends(schedules.cancel_backfill)
    pause_backfill = _sends(schedules.pause_backfill)
    resume_backfill = _sends(schedules.resume_backfill)
    wait_for_backfill = _runs(waiting.wait_for_backfill)
    # Queues and pauses.
    list_queues = ListOperation(tenant.list_queues)
    pause_queue = _sends(tenant.pause_queue)
    resume_queue = _sends(tenant.resume_queue)
    list_pauses = ListOperation(tenant.list_pauses)
    pause_tenant = _sends(tenant.pause_tenant)
    resume_tenant = _sends(tenant.resume_tenant)
    resume_task_type = _sends(tenant.resume_task_type)
    # Tasks.
    list_tasks = ListOperation(tenant.list_tasks)
    get_task = _sends(tenant.get_task)
    # Profiles.
    put_profile = _sends(tenant.put_profile)
    list_profiles = ListOperation(tenant.list_profiles)
    get_profile = _sends(tenant.get_profile)
    get_profile_version = _sends(tenant.get_profile_version)
    delete_profile = _sends(tenant.delete_profile)
    # Subscriptions.
    put_subscription = _sends(subscriptions.put_subscription)
    list_subscriptions = ListOperation(subscriptions.list_subscriptions)
    get_subscription = _sends(subscriptions.get_subscription)
    delete_subscription = _sends(subscriptions.delete_subscription)
    enable_subscription = _sends(subscriptions.enable_subscription)
    rotate_subscription_secret = _sends(subscriptions.rotate_subscription_secret)
    test_subscription = _sends(subscriptions.test_subscription)
    list_deliveries = ListOperation(subscriptions.list_deliveries)
    replay_delivery = _sends(subscriptions.replay_delivery)
    # Usage and health.
    get_usage = _sends(tenant.get_usage)
    get_metrics = _sends(tenant.get_metrics)
    get_health = _sends(tenant.get_health)
    get_readiness = _sends(tenant.get_readiness)
    get_actuator_health = _sends(tenant.get_actuator_health)
