"""What a type checker knows of both clients: `make types` reads this file, and refuses an ignore that is not needed."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, assert_type

from whendue import AsyncClient, Client
from whendue.client import (
    AsyncItems,
    BatchItem,
    DeadLetterGroup,
    DeadLetters,
    Items,
    Job,
    JobWithTimeline,
    NewJob,
    Page,
    SubmittedJob,
    WorkflowDetails,
)

if TYPE_CHECKING:

    def blocking(client: Client) -> None:
        assert_type(client.get_job("j"), JobWithTimeline)
        assert_type(client.submit_job(NewJob("t", {}, retries=1), idempotency_key="k"), SubmittedJob)
        assert_type(client.submit_jobs([NewJob("t")]), tuple[BatchItem, ...])
        assert_type(client.wait_for_workflow("w", timeout_s=1), WorkflowDetails)
        assert_type(client.list_jobs(limit=1), Items[Page[Job], Job])
        assert_type(next(client.list_dead_letters().pages()), DeadLetters)
        assert_type(next(iter(client.list_dead_letters())), DeadLetterGroup)
        client.get_job(7)  # type: ignore[arg-type]
        client.get_job()  # type: ignore[call-arg]
        client.list_jobs(states="dead")  # type: ignore[call-arg]
        client.update_job("j", priority="urgent")  # type: ignore[arg-type]
        client.get_job("j").due_at = None  # type: ignore[misc, assignment]
        NewJob("t", priority="urgent")  # type: ignore[arg-type]
        Client("https://a.example", token=b"t")  # type: ignore[arg-type]

    async def asynchronous(client: AsyncClient) -> None:
        waiting = client.get_job("j")
        waiting = assert_type(waiting, Coroutine[Any, Any, JobWithTimeline])
        assert_type((await waiting).attempts[0].attempt, int)
        assert_type(await client.wait_for_job("j"), JobWithTimeline)
        assert_type(client.list_jobs(), AsyncItems[Page[Job], Job])
        assert_type([job async for job in client.list_jobs()], list[Job])
        print(client.get_job("j").id)  # type: ignore[attr-defined]  # noqa: T201


def test_the_package_is_marked_as_typed() -> None:
    """Else type checkers would ignore all of it (PEP 561)."""
    from importlib.resources import files

    assert files("whendue").joinpath("py.typed").is_file()
