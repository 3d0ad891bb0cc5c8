"""The Python client: submits jobs, waits for one of them, and reads lists.

Shows a submit that is safe to repeat, a typed result, what a refusal is, many jobs at once, and the same with asyncio.

Run it beside `make up`:

    WHENDUE_URL=$(make -s url) WHENDUE_TOKEN=$(make -s token) python3 examples/client_sample.py
"""

import asyncio
from datetime import UTC, datetime, timedelta

from whendue import AsyncClient, Client
from whendue.client import InvalidRequestError, Job, JobWithTimeline, NewJob


def greet(client: Client, order: str) -> JobWithTimeline:
    """Submit a job once for an order, however often this is called, and wait for its end."""
    job = client.submit_job(NewJob("demo.greet", {"name": "Ada"}, retries=3), idempotency_key=f"greet-{order}")
    return client.wait_for_job(job.id, timeout_s=60)


def invite(client: Client, guests: list[str]) -> list[Job]:
    """Submit a job for each guest, a day from now; return those that were accepted."""
    due_at = datetime.now(UTC) + timedelta(days=1)
    jobs = [NewJob("demo.greet", {"name": guest}, due_at=due_at, tags={"list": "guests"}) for guest in guests]
    return [item.job for item in client.submit_jobs(jobs) if item.job is not None]


async def cancel(jobs: list[Job]) -> list[str]:
    """Cancel jobs side by side; return their states."""
    async with AsyncClient.from_env() as client:
        cancelled = await asyncio.gather(*(client.cancel_job(job.id) for job in jobs))
        listed = [job.id async for job in client.list_jobs(tags={"list": "guests"}, state="cancelled")]
    return [job.state for job in cancelled if job.id in listed]


def main() -> None:
    """Greet, invite, cancel, and send a job that is refused."""
    with Client.from_env() as client:
        job = greet(client, "7")
        print(job.state, job.result)
        jobs = invite(client, ["Grace", "Edsger"])
        print(client.explain_job(jobs[0].id).reasons[0].code)
        print(*asyncio.run(cancel(jobs)))
        try:
            client.submit_job(NewJob("demo.greet", {"name": 7}))
        except InvalidRequestError as error:
            print(error.code, *(f"{wrong.where} {wrong.problem}" for wrong in error.errors))


if __name__ == "__main__":
    main()
