"""Composites: jobs that make jobs of their own, wait for them, and gather what became of them (workflows, forEach).

A run makes the members (expands) or, once they have ended, gathers. Both can be repeated: members have derived ids.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from whendue.engine.commit import commit_unsent
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import InvalidRequestError, UnavailableError, UnknownTaskError, WhendueError
from whendue.jobs.dependencies import element
from whendue.jobs.due_index import writer_sends
from whendue.jobs.lifetime import belonging
from whendue.jobs.members import resets
from whendue.jobs.model import Job, State, from_item
from whendue.jobs.outcomes import Ended, Expanded, Failed, Input, Succeeded, broken, brought, succeeded
from whendue.submission.submit import Submit
from whendue.table.keys import job_key, members_key
from whendue.table.writes import insert
from whendue.workflows.expansion import Expander, ExpansionPlan
from whendue.workflows.graph import from_value, outcome


class CompositeRunner:
    """Runs composites."""

    def __init__(self, runtime: Runtime, submit: Submit) -> None:
        """Use this runtime, and what prepares jobs."""
        self._runtime = runtime
        self._expander = Expander(runtime, submit)

    def run(self, composite: Job, bring: Callable[[], Input]) -> Ended:
        """Make the members of a claimed composite, or gather. Never raises what a user or the outside can cause.

        Args:
            composite: the claimed job.
            bring: returns its payload.
        """
        text = brought(bring)
        if isinstance(text, Failed):
            return text
        try:
            value = json.loads(text)
            return (
                self._expand(composite, value)
                if composite.member_count is None
                else self._gather(composite, value, composite.member_count)
            )
        except (UnavailableError, UnknownTaskError) as error:
            # A task whose module is broken comes back with the deploy that mends it.
            return Failed(error.code, str(error))
        except WhendueError as error:
            return Failed(error.code, str(error), final=True)
        except Exception as error:  # noqa: BLE001 - whatever one composite holds, it is that one's alone
            self._runtime.bulkhead.note("composite", composite.id, error)
            return broken("its jobs could not be created or collected", error)

    # --- expand -------------------------------------------------------------------------------------------------

    def _expand(self, composite: Job, value: Any) -> Ended:
        plan = self._expander.plan(composite, value)
        if not plan.count:
            return Succeeded("[]")
        existing = self._members(composite, plan.count)
        if composite.redrives and self._finish_fan_outs(existing):
            existing = self._members(composite, plan.count)
        again = self._reset(plan, existing, composite.redrives) if composite.redrives else {}
        made = self._create(composite, plan, [number for number in range(plan.count) if number not in existing])
        members = existing | again
        unmet_dependencies = frozenset(
            element(number, members[number].generation if number in members else 0) for number in range(plan.count)
        )
        return Expanded(plan.count, unmet_dependencies, plan.deadline_at, self._to_send([*members.values(), *made]))

    def _to_send(self, members: Sequence[Job]) -> list[Job]:
        """Return the members to send once the composite waits for them: until then it may be cancelled (G9).

        Those of an earlier try are among them: it may have ended before it sent any.
        """
        timing = self._runtime.settings.timing
        pending = [member for member in members if member.state is State.PENDING and member.pending_fan_out is None]
        return [member for member in pending if writer_sends(member.check_at, member.scheduled_at, timing)]

    def _create(self, composite: Job, plan: ExpansionPlan, numbers: Sequence[int]) -> list[Job]:
        """Create members, the notes about their dependencies first.

        Raises:
            UnavailableError: not all are there.
        """
        if not numbers:
            return []
        # By it they are found when the composite has gone.
        values = belonging(composite, {"left": plan.count})
        [noted] = self._runtime.store.apply([insert("note_members", members_key(composite.id, composite.life), values)])
        if noted.failed:
            raise UnavailableError
        members = [plan.make(number) for number in numbers]
        notes = [write for member in members for write in member.edges]
        outcomes = self._runtime.store.apply(notes) if notes else []
        if not _is_unknown(outcomes):
            outcomes = commit_unsent(self._runtime, [member.step for member in members]) if members else []
        if _is_unknown(outcomes):
            raise UnavailableError
        # One that is not there would be waited for for ever.
        for member, end in zip(members, outcomes, strict=True):
            if end.status is WriteStatus.INVALID:
                raise InvalidRequestError(f"the table cannot store the job {member.step.job.node!r}")
        return [member.step.job for member in members]

    def _finish_fan_outs(self, members: dict[int, Job]) -> bool:
        """Finish pending fan-outs before new runs begin; says whether there were any.

        Raises:
            UnavailableError: some are still pending.
        """
        pending = [member for member in members.values() if member.pending_fan_out is not None]
        if CompletionFanOut(self._runtime).run(pending):
            raise UnavailableError
        return bool(pending)

    def _reset(self, plan: ExpansionPlan, existing: dict[int, Job], parent_redrive: int) -> dict[int, Job]:
        """Restart the members that failed; return them as they are then.

        Raises:
            UnavailableError: not all have begun again.
        """
        now_ms, timing = self._runtime.clock.now_ms(), self._runtime.settings.timing
        steps = resets(existing, plan.dependencies, parent_redrive, now_ms, timing)
        outcomes = commit_unsent(self._runtime, list(steps.values())) if steps else []
        # One that was refused has changed since: the next attempt looks again.
        if not all(end.done for end in outcomes):
            raise UnavailableError
        self._expander.reconcile([step.job for step in steps.values()])
        return {number: step.job for number, step in steps.items()}

    # --- gather -------------------------------------------------------------------------------------------------

    def _gather(self, composite: Job, value: Any, count: int) -> Ended:
        members = self._members(composite, count)
        if composite.expands == "for_each":
            return self._gather_items(members, count)
        failed = outcome(from_value(value), members)
        if failed is None:
            return succeeded({"nodes": len(members)})
        if composite.deadline_at is not None and composite.deadline_at <= self._runtime.clock.now_ms():
            return Failed("deadline_exceeded", f"its deadline passed; {failed!r} did not succeed", final=True)
        return Failed("workflow_failed", f"the node {failed!r} did not succeed", final=True)

    def _gather_items(self, members: dict[int, Job], count: int) -> Ended:
        failed = [n for n in range(count) if n not in members or members[n].state is not State.SUCCEEDED]
        if failed:
            return Failed(
                "items_failed", f"{len(failed)} of {count} items did not succeed, first item {failed[0]}", final=True
            )
        texts = self._runtime.payloads.results(list(members.values()))
        results = [texts[members[number].id] for number in range(count)]
        return succeeded([None if text is None else json.loads(text) for text in results])

    def _members(self, composite: Job, count: int) -> dict[int, Job]:
        items = self._runtime.store.get(
            [job_key(self._runtime.ids.of_member(composite.member_id_base, number)) for number in range(count)]
        )
        return {number: from_item(item) for number, item in enumerate(items) if item}


def _is_unknown(outcomes: Sequence[WriteResult]) -> bool:
    return any(end.status is WriteStatus.UNAVAILABLE for end in outcomes)
