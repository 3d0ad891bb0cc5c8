"""Inputs: payloads as tasks get them, with the results of parents that they refer to."""

import json
from collections.abc import Sequence
from typing import Any

from whendue.domain.job import Job, State, from_item
from whendue.domain.keys import job_key
from whendue.domain.references import MISSING, resolve
from whendue.errors import WhendueError
from whendue.services.outside import Ports
from whendue.services.parents import Parents

# A payload as JSON; None where it is gone, an error where it cannot be made.
Input = str | WhendueError | None


class Inputs:
    """Brings payloads."""

    def __init__(self, ports: Ports) -> None:
        """Use these ports."""
        self._ports = ports
        self._parents = Parents(ports)

    def of(self, jobs: Sequence[Job]) -> dict[str, Input]:
        """Bring the payloads of jobs as JSON, by job id: None where one is gone, an error where it cannot be made.

        Raises:
            UnavailableError: they cannot be read now.
        """
        texts: dict[str, Input] = dict(self._ports.documents.payloads(jobs))
        for job in jobs:
            text = texts[job.id]
            if job.refers and isinstance(text, str) and not job.expands:
                texts[job.id] = self._resolved(job, text)
        return texts

    def _resolved(self, job: Job, text: str) -> Input:
        try:
            value = resolve(json.loads(text), self.results(job))
        except WhendueError as error:
            if error.code == "unavailable":
                raise
            return error
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def results(self, job: Job) -> dict[str, Any]:
        """Give the results of a job's parents, by what its payload calls them; MISSING where one has not succeeded.

        Raises:
            UnavailableError: they cannot be read now.
        """
        parents = list(self._parents.of(job).values())
        items = self._ports.store.get([job_key(parent.id) for parent in parents])
        jobs = {item["pk"]: from_item(item) for item in items if item}
        ended = [found for found in jobs.values() if found.state is State.SUCCEEDED]
        texts = self._ports.documents.results(ended)
        values = {job_id: json.loads(text) if text is not None else None for job_id, text in texts.items()}
        return {parent.name or parent.id: values.get(parent.id, MISSING) for parent in parents}
