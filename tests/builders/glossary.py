"""The glossary's former words, what replaced each, and where one of them still stands, with the reason."""

from fnmatch import fnmatch
from typing import Final, NamedTuple

from tests.builders.former_words import Finding, FormerWords


class Allowed(NamedTuple):
    """An exception: a former word that may stand in some files, in some identifiers or phrases.

    Args:
        paths: a pattern of paths, as of `fnmatch`.
        word: the former word, as in the tables below.
        within: the identifier that has it, or a phrase that the line of prose contains.
        why: the reason.
    """

    paths: str
    word: str
    within: str
    why: str

    def covers(self, finding: Finding) -> bool:
        """Return whether a finding is this exception."""
        return finding.word == self.word and fnmatch(finding.path, self.paths) and self.within in finding.text


# In prose and as a part of any identifier.
WORDS: Final = {
    "agenda": "due index",
    "enlist": "enqueue",
    "forgo": "cancel",
    "hears": "is released, receives",
    "news": "event, notification",
    "newsroom": "notification sink",
    "occupy": "acquire",
    "owe": "has a pending fan-out",
    "owed": "pending",
    "owes": "has a pending fan-out",
    "owing": "pending fan-out",
    "parting": "expander",
    "patience": "timeout",
    "rota": "queue selector",
    "shorthands": "canvas",
    "stories": "events",
    "story": "event",
    "stretch": "page",
    "tallies": "counts",
    "tally": "metrics recorder",
    "tell": "publish",
    "telling": "fan-out",
    "tells": "publishes",
    "told": "published",
    "whom": "which",
}
# As a whole identifier; in prose only those with an underscore or an inner capital, which are no plain words.
NAMES: Final = {
    "Applied": "WriteStatus",
    "Beats": "Liveness",
    "Board": "LimitState",
    "CUT_OFF": "NETWORK_ERRORS",
    "Claimed": "ClaimedJob",
    "Control": "JobCommands",
    "Dependents": "DependencyReleaser",
    "Due": "ScheduleRunner",
    "Firing": "FireEnqueuer",
    "Fresh": "TtlCache",
    "Leases": "Heartbeater",
    "Line": "WaitQueue",
    "Links": "DependencyEdges",
    "Parents": "DependencyReconciler",
    "Part": "Service, member, SourcedValue",
    "Parts": "members",
    "Ports": "Runtime",
    "Query": "JobReader",
    "Rota": "QueueSelector",
    "Settle": "Completer",
    "Silence": "NullNotificationSink",
    "Stretch": "Page",
    "Tally": "MetricsRecorder",
    "Telling": "CompletionFanOut",
    "Walk": "PartitionScan",
    "Whole": "composite",
    "Work": "BatchProcessor",
    "Worked": "BatchResult",
    "adopt": "add_dependent",
    "adopting": "with_dependents",
    "alarmAt": "checkAt",
    "arrive": "satisfy",
    "board": "LimitState",
    "bury": "mark_dead",
    "delist": "remove_waiter",
    "die": "mark_dead",
    "ends": "results, outcomes",
    "give_back": "requeue",
    "handed_mark": "reservation_token",
    "hear": "release",
    "move_alarm": "postpone_check",
    "onParentFailure": "onDependencyFailure",
    "one": "the noun",
    "partOf": "parentId",
    "part_of": "parent_id",
    "pass_on": "transfer_slot",
    "place": "position, location",
    "put_away": "archive",
    "stands": "current",
    "tell_on": "advance_fan_out",
    "there": "current, existing",
}
# Modules that have another name now: the last part of a path under layers, functions or tests/simulation.
MODULES: Final = {
    "agenda": "due_index",
    "asking": "caller",
    "counts": "model",
    "documents": "payload_store",
    "effects": "clock",
    "excuses": "allowed_mutants",
    "fair": "fairness",
    "fates": "faults",
    "gate": "mutation_gate",
    "guard": "body",
    "hub": "scheduler",
    "hunt": "search",
    "inputs": "resolver",
    "instant": "timestamps",
    "ledger": "fires",
    "news": "publisher",
    "outside": "runtime",
    "paths": "bounded_jmespath",
    "patience": "timeouts",
    "picture": "progress",
    "plants": "seeded_bugs",
    "reach": "coverage",
    "records": "sqs_batch",
    "refusals": "aws_errors",
    "rota": "queue_selector",
    "settle": "completer",
    "shorthands": "canvas",
    "stories": "scenarios",
    "story": "events",
    "tally": "recorder",
    "telling": "fan_out",
    "walk": "partition_scan",
    "withdraw": "cancel_planned",
}
# With which no docstring begins.
OPENINGS: Final = {"Give": "Return, Yield", "Say whether": "Return whether"}
FORMER: Final = FormerWords(WORDS, NAMES)
