"""Record how attempts ended: all of them in one call, each under its fence."""

from collections import Counter
from collections.abc import Sequence

from whendue.domain.fingerprint import failure
from whendue.domain.job import State
from whendue.domain.step import Transition
from whendue.domain.transitions import fail, give_back, stop, succeed
from whendue.domain.waiting import expand
from whendue.errors import UnavailableError
from whendue.ports import Applied, Delivery
from whendue.services.attempt import Ended, Expanded, Failed, Stopped, Succeeded
from whendue.services.claimed import DRAINED, Claimed
from whendue.services.limits import Limits
from whendue.services.outside import Ports
from whendue.services.parents import Parents
from whendue.services.record import record_and_send
from whendue.ssrf import TargetRefusedError


class Settle:
    """Records ended attempts and counts what became of them."""

    def __init__(self, ports: Ports, limits: Limits) -> None:
        """Start with nothing recorded."""
        self._ports = ports
        self._limits = limits
        self.counts: Counter[str] = Counter()
        self.unsettled: list[Delivery] = []

    def settle(self, ended: Sequence[tuple[Claimed, Ended]]) -> None:
        """Record ends; a message whose job the table would not record is `unsettled`: it will be delivered again."""
        now_ms = self._ports.effects.now_ms()
        steps = [(one, self._transition(one, end, now_ms)) for one, end in ended]
        if cancelled := self._record(steps, now_ms):
            self._record([(one, stop(one.job, now_ms)) for one in cancelled], now_ms)
        # A task that did not stop keeps its slot until its lease ends.
        self._limits.release([(one.slot, one.job) for one, _ in ended if one.slot and one.owned])

    def _record(self, steps: Sequence[tuple[Claimed, Transition | None]], now_ms: int) -> list[Claimed]:
        """Carry out transitions; give the claims whose failure was refused because a cancel was requested."""
        known = [(one, step) for one, step in steps if step is not None]
        self.unsettled += [one.delivery for one, step in steps if step is None]
        outcomes = record_and_send(self._ports, [step for _, step in known], now_ms)
        cancelled, expanded = [], []
        for (one, step), outcome in zip(known, outcomes, strict=True):
            if outcome.done:
                self.counts[_named(step)] += 1
                expanded += [step.job] if step.name == "expand" else []
            elif outcome.applied is Applied.UNAVAILABLE:
                self.unsettled.append(one.delivery)
            elif outcome.old is not None and outcome.old.get("cancel_requested"):
                # Or the claim is lost: then the next write is refused, too.
                cancelled.append(one)
            else:
                self.counts["superseded"] += 1
        # Parts that ended before the job waited for them told nobody.
        Parents(self._ports).check(expanded)
        return cancelled

    def _transition(self, one: Claimed, end: Ended, now_ms: int) -> Transition | None:
        """Turn an end into the job's next transition, None while its result has no place to go."""
        match end:
            case Succeeded():
                return self._success(one, end, now_ms)
            case Stopped():
                return stop(one.job, now_ms)
            case Expanded(parts, awaits, deadline_at):
                return expand(one.job, parts, awaits, now_ms, deadline_at)
            case Failed("timeout") if one.cause == DRAINED:
                return give_back(one.job, max(now_ms, _free_at(one)), now_ms, self._ports.settings.timing)
            case Failed():
                return self._failure(one, end, now_ms)

    def _success(self, one: Claimed, end: Succeeded, now_ms: int) -> Transition | None:
        if end.result is None:
            return succeed(one.job, now_ms, None)
        try:
            placed = self._ports.documents.place_result(one.job, end.result)
        except UnavailableError:
            return None
        return succeed(one.job, now_ms, placed.inline, placed.at, placed.write)

    def _failure(self, one: Claimed, end: Failed, now_ms: int) -> Transition:
        cause = one.cause if one.cause and end.type == "timeout" else end.type
        error = failure(one.job, cause, end.message, failed_at=now_ms, where=end.where)
        if cause == TargetRefusedError.code:
            # The message is one of few: it names the rule.
            self.counts[f"{cause}: {error.message}"] += 1
        return fail(
            one.job,
            error,
            now_ms,
            self._ports.settings.timing,
            draw=self._ports.effects.random(),
            final=end.final,
            not_before=max(_free_at(one), now_ms + round(end.after_s * 1000) if end.after_s else 0),
        )


def _free_at(one: Claimed) -> int:
    """Say from when on another may run it: a task that did not stop may go on until its lease has expired (G4)."""
    return 0 if one.owned else one.lease_until + 1


def _named(step: Transition) -> str:
    """Name an outcome, as it is counted."""
    if step.job.state is not State.PENDING:
        return step.job.state.value
    return "given_back" if step.name == "give_back" else "retried"
