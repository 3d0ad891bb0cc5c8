"""Limits of bulk operations, with the reason; as in `whendue.quotas`."""

# --- bulk operations -------------------------------------------------------------------------------------------
# Running ones of a tenant: beginning one reads a mark and an operation of each.
OPERATIONS_RUNNING = 20
# And so many undos beside them: what nobody can stop in time runs.
OPERATIONS_UNDOING = 10
OPERATION_IDS = 500  # 18 KB: they stand in the operation's item until they are done.
# Jobs of a piece: what a request changes before it answers, and what is done again where a process died.
OPERATION_PIECE = 100
OPERATION_PIECES_PER_TICK = 50
# An undo does as many pieces as it can before it answers: the jobs of each may begin any moment.
UNDO_CALL_S = 10
# Of all tenants together, and the part of a tick's time for schedules that is kept for them.
OPERATIONS_PER_TICK = 1000
OPERATION_SHARE = 0.2
# A piece is changed up to this long before its turn by the rate: the timer comes once a minute.
OPERATION_PACE_S = 60
# Jobs that an operation names as failed, 200 bytes each; the others are counted.
OPERATION_FAILURES = 50
OPERATION_FAILURE_BYTES = 200
OPERATION_KEPT_S = 90 * 86_400
# What a dry run reads: pages of up to 1,000 jobs, and seconds; and ids that it names.
DRY_RUN_PAGES = 10
DRY_RUN_S = 5
DRY_RUN_EXAMPLES = 10
# Operations that a page of one state looks at: 1 KB each, 30 KB with the most ids and failures.
OPERATIONS_LOOKED_AT = 100
