"""Mutants that may survive, and why: they change nothing that a guarantee is about."""

from typing import Final

_LOST = "current is not None and current.fence == claimed_job.job.fence and (not current.terminal)"
ALLOWED_MUTANTS: Final[dict[str, str]] = {
    "worker.heartbeat without claimed_job.owned": (
        "a beat without a claim is refused by its fence; the filter saves the call"
    ),
    f"worker.heartbeat without current.fence == claimed_job.job.fence in {_LOST}": "the next beat is refused, too",
    f"worker.heartbeat without not current.terminal in {_LOST}": "the next beat of an ended job is refused, too",
    "worker.heartbeat without now_ms + 2 * job.beat_every_ms >= job.hidden_until_ms": (
        "the message is hidden again at each beat: more calls than needed, nothing else"
    ),
    "worker.heartbeat not (claimed_job.owned)": "a lease has two more beats before it ends",
    "notifications.sender without '' in ctx.subscription or ''": "a delivery has one: the type does not say so",
    "worker.completer without isinstance(step, Transition)": (
        "a crash here keeps the batch's messages, and they come again"
    ),
    "schedules.ticks.auto_pause without fire.job in fire.job and fire.version == schedule.version and _counts(fire)": (
        "what was skipped alone has no job, and does not count"
    ),
    "schedules.history without fire.job": "as below",
    "schedules.cancel_planned without fire.job": "a fire without a job has none to be found; the filter saves the read",
}
