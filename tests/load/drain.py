"""Wait for the ends of the jobs that were submitted, and read each one once it has ended."""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

Job = dict[str, Any]
Read = Callable[[str], Job | None]
TERMINAL = ("succeeded", "dead", "cancelled", "expired")
# Longer than any lost step takes to heal (docs/design/guarantees.md, G6), and than the scenarios' longest delay.
TIMEOUT_S = 240
# Each is a process of the API on an emulator.
READERS = 4
AT_ONCE = 400
POLL_S = 1.0
SAMPLE = 5


@dataclass(slots=True)
class Ends:
    """What became of the jobs.

    Args:
        jobs: those that ended.
        left: what was seen of the others, by id; None if there is no such job.
    """

    jobs: list[Job] = field(default_factory=list)
    left: dict[str, Job | None] = field(default_factory=dict)

    def states(self) -> Counter[str]:
        """Count the ends."""
        return Counter(job["state"] for job in self.jobs)


def reader(client: httpx.Client) -> Read:
    """Return what reads a job over the API; what does not answer is asked again in the next round."""

    def read(job_id: str) -> Job | None:
        try:
            reply = client.get(f"/jobs/{job_id}")
        except httpx.TransportError as error:
            return {"state": f"no answer ({type(error).__name__})"}
        if reply.status_code == httpx.codes.NOT_FOUND:
            return None
        if reply.is_error:
            return {"state": f"no answer ({reply.status_code})"}
        job: Job = reply.json()
        return job

    return read


def drain(ids: Sequence[str], read: Read, timeout_s: float = TIMEOUT_S, poll_s: float = POLL_S) -> Ends:
    """Read jobs until all have ended, or until none has for so long.

    Args:
        ids: the jobs, in the order in which they were submitted.
        read: reads one.
        patience_s: how long to wait since the last one ended.
        poll_s: how long to wait between two rounds.
    """
    drained, waiting, until = Ends(), deque(ids), time.monotonic() + timeout_s
    with ThreadPoolExecutor(READERS) as pool:
        while waiting and time.monotonic() < until:
            asked = [waiting.popleft() for _ in range(min(AT_ONCE, len(waiting)))]
            seen = dict(zip(asked, pool.map(read, asked), strict=True))
            ended = [job_id for job_id, job in seen.items() if job and job["state"] in TERMINAL]
            for job_id in ended:
                drained.jobs.append(seen.pop(job_id) or {})
                drained.left.pop(job_id, None)
            drained.left |= seen
            waiting.extend(seen)
            if ended:
                until = time.monotonic() + timeout_s
            if seen:
                time.sleep(poll_s)
    return drained


def settle(ids: Sequence[str], read: Read) -> None:
    """Wait for a sample of jobs that has the last one, with as few requests as that takes."""
    drain([*ids[:: max(1, len(ids) // SAMPLE)], *ids[-1:]], read)
