"""Limits of schedules and backfills. Sizes are bytes of UTF-8; times are seconds (`_S`)."""

# --- schedules and backfills -----------------------------------------------------------------------------------
# Creating one counts them, and reads this many at most.
SCHEDULES_PER_TENANT = 1000
# Each tick writes the item; a unit covers 1 KB, so a large definition is paid for with each fire.
SCHEDULE_BYTES = 8192
# Far enough from nominal times for the clocks of two processes, which may differ by seconds.
MISFIRE_GRACE_MIN_S = 10
MISFIRE_GRACE_MAX_S = 3600
MISFIRE_CATCH_UP = 100
REMOVE_AFTER_MIN_S = 300  # More than IN_FLIGHT_S: no request from before its creation can bring it back.
# At least the 180 that one fire each second gives: 60 s of grace and 120 s of look-ahead.
FIRES_PER_PLAN = 200
SCHEDULES_PER_PAGE = 200  # That are served together.
# Entries of one partition that a tick lists before tenants take turns, and those that one call lists: a few megabytes.
SCHEDULES_LOOKED_AT = 5000
SCHEDULES_LISTED = 1000
JITTER_MAX_S = 3600
PAUSE_AFTER_FAILURES = 100
SCHEDULE_RUNS = 10_000  # A preview counts them.
# Maximum number of items that one page of the fire history reads; then the page is returned short, with a cursor.
FIRE_HISTORY_READS = 1000
PREVIEW_FIRES = 100
BACKFILL_FIRES = 10_000
BACKFILL_CHUNK = 100
BACKFILL_CHUNKS_PER_TICK = 10
# Of all tenants together, and the part of the schedules' time that is kept for them.
BACKFILLS_PER_TICK = 1000
BACKFILL_SHARE = 0.2
# A request of a process that died or was given up on takes effect within this time, or never.
IN_FLIGHT_S = 180
