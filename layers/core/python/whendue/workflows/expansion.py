"""Expansion: the members that a composite has, and how each is made."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import BadReferenceError, InvalidPayloadError, PayloadTooLargeError
from whendue.jobs.dependencies import Upstream
from whendue.jobs.due_index import first_check, live_partition, shard_of
from whendue.jobs.model import Job, evolve
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import submit
from whendue.quotas import MEMBERS_MAX, PAYLOAD_BYTES
from whendue.references.bounded_jmespath import new_budget
from whendue.references.resolver import InputResolver
from whendue.references.syntax import find, listed, resolve
from whendue.submission.dependency_edges import edges_of
from whendue.submission.plan import Position
from whendue.submission.submit import Submit
from whendue.table.writes import Write
from whendue.workflows.graph import Graph, from_value


class Member(NamedTuple):
    """A member to be: its job, and the notes that bind it to its dependencies."""

    step: Transition
    edges: list[Write]


@dataclass(frozen=True, slots=True)
class ExpansionPlan:
    """The members of a composite.

    Args:
        count: how many.
        dependencies: the numbers of each member's dependencies, in the order in which it knows them.
        make: prepares one, by its number; what it raises ends the attempt.
        deadline_at: when they are cancelled, ms UTC.
    """

    count: int
    dependencies: Mapping[int, Sequence[int]]
    make: Callable[[int], Member]
    deadline_at: int | None = None


class Expander:
    """Plans composites."""

    def __init__(self, runtime: Runtime, submit: Submit) -> None:
        """Use this runtime, and what prepares jobs."""
        self._runtime = runtime
        self._submit = submit
        self._inputs = InputResolver(runtime)

    def reconcile(self, waiting: Sequence[Job]) -> None:
        """Reconcile waiting members with dependencies that have ended already."""
        DependencyReconciler(self._runtime).reconcile([job for job in waiting if job.unmet_dependencies])

    def plan(self, composite: Job, value: Any) -> ExpansionPlan:
        """Plan the members of a composite from its payload.

        Raises:
            WhendueError: it has none that could be made.
            UnavailableError: what it needs cannot be read now.
        """
        return (
            self._workflow(composite, from_value(value))
            if composite.expands == "workflow"
            else self._for_each(composite, value)
        )

    # --- workflows ----------------------------------------------------------------------------------------------

    def _workflow(self, composite: Job, graph: Graph) -> ExpansionPlan:
        dependencies = {number: [link.node for link in node.dependencies] for number, node in enumerate(graph.nodes)}
        with_dependents = frozenset(dependency for each in dependencies.values() for dependency in each)
        now_ms = self._runtime.clock.now_ms()
        deadline_at = None if graph.deadline_s is None else now_ms + graph.deadline_s * 1000
        return ExpansionPlan(
            len(graph.nodes),
            dependencies,
            lambda number: self._node(composite, graph, number, with_dependents),
            deadline_at,
        )

    def _node(self, composite: Job, graph: Graph, number: int, with_dependents: frozenset[int]) -> Member:
        node = graph.nodes[number]
        dependencies = [
            Upstream(
                self._runtime.ids.of_member(composite.member_id_base, link.node), link.on, graph.nodes[link.node].name
            )
            for link in node.dependencies
        ]
        request = node.request
        if node.for_each is not None:
            request = replace(request, payload={"forEach": node.for_each, "each": request.payload})
        position = Position(
            dependencies,
            composite,
            number,
            node.name,
            "for_each" if node.for_each is not None else None,
            number in with_dependents,
        )
        step = self._submit.prepare(
            composite.tenant,
            replace(request, on_dependency_failure=node.on_dependency_failure),
            self._runtime.clock.now_ms(),
            position,
        )
        return Member(step, edges_of(step.job, dependencies) if dependencies else [])

    # --- forEach ------------------------------------------------------------------------------------------------

    def _for_each(self, composite: Job, value: Mapping[str, Any]) -> ExpansionPlan:
        references = [*find(value["forEach"]), *find(value["each"])]
        results = self._inputs.results(composite, {name for reference in references for name in reference.names})
        # The paths of all items have the steps of one payload together: a thousand cost no thousand times as much.
        budget = new_budget()
        items = listed(value["forEach"], results, budget)
        if len(items) > MEMBERS_MAX:
            raise BadReferenceError(f"forEach refers to a list of more than {MEMBERS_MAX} items")

        def make(number: int) -> Member:
            return self._item(composite, number, resolve(value["each"], results, items[number], budget))

        return ExpansionPlan(len(items), {}, make)

    def _item(self, composite: Job, number: int, payload: Any) -> Member:
        try:
            self._runtime.registry.find(composite.type).parse(payload)
        except InvalidPayloadError as error:
            raise InvalidPayloadError(f"item {number}: {error}", **error.details) from None
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > PAYLOAD_BYTES:
            raise PayloadTooLargeError(f"item {number}: the payload is over {PAYLOAD_BYTES} bytes of JSON")
        job = self._bare(composite, number)
        placed = self._runtime.payloads.place_payload(job, text)
        job = evolve(job, payload=placed.inline, payload_at=placed.at)
        return Member(submit(job, self._runtime.settings.timing, first=placed.write), [])

    def _bare(self, composite: Job, number: int) -> Job:
        """Return an item's job without its payload; its policy is the composite's."""
        settings, now_ms = self._runtime.settings, self._runtime.clock.now_ms()
        job_id = self._runtime.ids.of_member(composite.member_id_base, number)
        return Job(
            id=job_id,
            tenant=composite.tenant,
            type=composite.type,
            queue=composite.queue,
            profile=composite.profile,
            due_pk=live_partition(composite.queue, shard_of(job_id, settings.shards)),
            check_at=first_check(now_ms, settings.timing),
            due_at=now_ms,
            scheduled_at=now_ms,
            created_at=now_ms,
            # The list may be another one when the composite begins again: so are the items' payloads.
            request_hash=f"{composite.request_hash}-{composite.generation}",
            policy=composite.policy,
            sources=composite.sources,
            profile_version=composite.profile_version,
            follow=composite.follow,
            tags=composite.tags,
            group=composite.group,
            limit=composite.limit,
            notify=composite.notify,
            parent_id=composite.id,
            member_number=number,
            node=f"{composite.node}[{number}]",
            parent_redrive=composite.redrives,
        )
