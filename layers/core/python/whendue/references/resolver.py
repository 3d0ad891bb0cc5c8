"""Inputs: payloads as tasks get them, with the results of dependencies that they refer to."""

import json
from typing import Any

from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, WhendueError
from whendue.jobs.model import Job, State, from_item
from whendue.jobs.outcomes import Input
from whendue.references.syntax import MISSING, find, resolve
from whendue.table.keys import job_key


class InputResolver:
    """Brings payloads."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def alone(self, job: Job) -> Input:
        """Return a job's payload as `of` does, parsed from JSON.

        Raises:
            UnavailableError: it cannot be read now.
        """
        return self.of(job, self._runtime.payloads.payloads([job])[job.id])

    def of(self, job: Job, text: str | None) -> Input:
        """Return a job's payload with its references resolved: None if it is gone, an error for a bad one.

        What it reads and computes is this job's alone: call it within its attempt.

        Args:
            job: whose it is.
            text: as stored.

        Raises:
            UnavailableError: the results cannot be read now.
        """
        if text is None or not job.has_references or job.expands:
            return text
        try:
            payload = json.loads(text)
            names = {name for reference in find(payload) for name in reference.names}
            value = resolve(payload, self.results(job, names))
        except UnavailableError:
            raise
        except WhendueError as error:
            return error
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def results(self, job: Job, names: set[str]) -> dict[str, Any]:
        """Return the results of dependencies, by their names in the payload; MISSING for one that has not succeeded.

        Args:
            job: whose dependencies.
            names: what its payload refers to; no other result is read.

        Raises:
            UnavailableError: they cannot be read now.
        """
        dependencies = [
            dependency
            for dependency in DependencyReconciler(self._runtime).of(job).values()
            if (dependency.name or dependency.id) in names
        ]
        items = self._runtime.store.get([job_key(dependency.id) for dependency in dependencies])
        jobs = {item["pk"]: from_item(item) for item in items if item}
        ended = [found for found in jobs.values() if found.state is State.SUCCEEDED]
        texts = self._runtime.payloads.results(ended)
        values = {job_id: json.loads(text) if text is not None else None for job_id, text in texts.items()}
        return {dependency.name or dependency.id: values.get(dependency.id, MISSING) for dependency in dependencies}
