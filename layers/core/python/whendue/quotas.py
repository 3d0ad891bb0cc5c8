"""Every limit of our own, with the reason; those of shipped tasks are in `task_quotas`, AWS's in `aws_quotas`.

Sizes are bytes of UTF-8; times are seconds (`_S`) unless the name says otherwise.
"""

# --- a request -------------------------------------------------------------------------------------------------
# A Lambda event holds 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
BODY_BYTES = 5 * 1024 * 1024
# A payload that a client writes in ASCII is up to three times as long (\u00fc is ü); and 64 KB for the rest.
JOB_BODY_BYTES = 3 * 1024 * 1024 + 64 * 1024
# Bodies of all other requests.
SMALL_BODY_BYTES = 64 * 1024
# Names and entries of a body outside of payloads: each wrong one takes 10 us. 500 jobs of 100 dependencies: 200,000.
BODY_FIELDS = 5000
BULK_BODY_FIELDS = 250_000
JSON_DEPTH = 32
# What 64 bits hold, signed or not: what databases give as ids. More would not survive most clients' own parsers.
INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**64 - 1
PLACE_CHARACTERS = 256
# RFC 9110 section 4.1 asks for 8000 octets at least. API Gateway takes 10,240 bytes with all headers, others more:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
TARGET_BYTES = 16 * 1024
HEADERS = 200
HEADERS_BYTES = 64 * 1024
QUERY_PARAMETERS = 20
# The longest id of a job, a delivery or a backfill.
ID_CHARACTERS = 128
TOKEN_BYTES = 8192
# https://openid.net/specs/openid-connect-core-1_0.html section 2: a subject has 255 ASCII characters at most.
SUBJECT_BYTES = 255
# An issuer's key set: large ones have some 50 KB.
KEY_SET_BYTES = 512 * 1024
# A secret of HS256 in a parameter is read again after this time: one that was removed is accepted no longer than this.
SECRETS_AGE_MS = 60_000
# RFC 7518 section 3.3 asks for 2048 bits at least; no issuer is known that uses more than these.
RSA_MAX_BITS = 8192
PAYLOAD_BYTES = 1024 * 1024
RESULT_BYTES = 1024 * 1024
# With a payload of JSON_DEPTH levels around it below what readers take: pydantic's serializer 255, Python's json 990.
RESULT_DEPTH = 100
BULK_JOBS = 500
PAGE_DEFAULT = 50
PAGE_MAX = 200
# Of a tenant's list, which reads all; may only grow. Each takes 1,000 new jobs a second (see LIMIT_RATE_PER_S).
LIST_PARTITIONS = 4
# What one list call may read: jobs, two of which are a read unit, and entries of an index, 40 of which are one.
LIST_READS = 1000
LIST_ENTRIES = 8000
LIST_ENTRIES_AT_ONCE = 1000
DEAD_LETTERS_COUNTED = 10_000
DEAD_TENANTS_AT_ONCE = 20  # Of a page of dead letters by tenant: they share what it counts.
DEAD_TENANT_GROUPS = 10
DEAD_TENANTS_REMEMBERED = 10_000  # Of a process, which notes each once.
CLOCKS_APART_S = 60  # What lists assume at most; AWS keeps clocks of functions within milliseconds.
MIGRATED_PER_S = 500  # Items of a table that `whendue migrate` reads if nothing else is said.
TAGS = 10
TAG_KEY_BYTES = 32
TAG_VALUE_BYTES = 64
TAGS_BYTES = 256
TYPE_BYTES = 64
NAME_BYTES = 64
IDEMPOTENCY_KEY_BYTES = 255
CURSOR_BYTES = 8192
# What a Lambda function may return, as JSON with the body as a text; its page of quotas says 6 MB, it refuses here.
RESPONSE_BYTES = 6_291_556
RESPONSE_HEAD_BYTES = 8192
# Payloads and results up to here are shown with their job: two of the worst text (six bytes for two) take 3 MiB.
DOCUMENT_SHOWN_BYTES = 512 * 1024
# Attempts that a job is shown with, the newest ones; redrives add to them without end. And of each delivery in a list.
ATTEMPTS_SHOWN = 100
DELIVERY_ATTEMPTS_SHOWN = 20
# What was asked of a job (reschedules, cancels, redrives) is kept this often, and the last; the newest failed attempts
# that a list of events looks at. A page reads all of both, 300 items of some 300 bytes at most.
CHANGES_KEPT = 100
EVENT_ATTEMPTS = 200
# Attempts' logs in a page, 1.2 MB of the worst text; and those read to find one attempt: more than MAX_ATTEMPTS.
LOGS_SHOWN = 20
LOGS_READ = 60
# A request may wait this long for a job's end, well below the 29 s of API Gateway; and between two looks at the job.
WAIT_S = 20
WAIT_INTERVAL_S = 2.0
# Of a tenant so many begin to wait in WAIT_S, so twice as many wait at once at most: each keeps a function of the API,
# of which an account has 1,000 for all tenants
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
WAITS_OF_A_TENANT = 20
# What a problem names at most, and what each of a batch's problems does.
PROBLEM_PLACES = 20
PROBLEM_TEXT_BYTES = 1024
# A request with more faults than this gets no hints which fields it may have meant.
SUGGESTIONS = 20
BATCH_PROBLEM_PLACES = 3
BATCH_PROBLEM_TEXT_BYTES = 256
REDRIVE_JOBS = 500
REDRIVE_RATE_PER_S = 1000
# The last of REDRIVE_JOBS then starts within six days, well within HORIZON_S.
REDRIVE_RATE_MIN_PER_S = 0.001
# Error types that are never retried stand in the hot item: together they must leave room for the rest.
NEVER_RETRY = 10
NEVER_RETRY_BYTES = 160
# Of a task manifest, and of a schema in it. `GET /tasks` answers with about half of the file: within RESPONSE_BYTES.
MANIFEST_BYTES = 4 * 1024 * 1024
SCHEMA_BYTES = 64 * 1024

# --- a job -----------------------------------------------------------------------------------------------------
HORIZON_S = 366 * 86_400
# Belongings are looked at this long after the retention of a job that ends when due, and erased if it has gone; those
# of a live job are looked at again after as long as it has lived, within these bounds.
ERASE_AFTER_S = 3600
ERASE_CHECK_MIN_S = 3600
ERASE_CHECK_MAX_S = 86_400
# A job is kept for this much longer, and on while live jobs depend on it.
DEPENDED_ON_S = 86_400
# Belongings that one tick looks at in each partition, and how many at a time.
ERASE_WINDOW = 100
ERASED_PER_PARTITION = 2000
# What a request to erase has not done after this time is left to the timer: API Gateway waits for 29 s.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
ERASE_CALL_S = 10
# Older jobs are not redriven: S3 forgets payloads after 500 days (infra/topology.yaml). Nor is an attempt due later
# after the job was made than the second: the last redrive, and all the retries that it may have.
REDRIVE_AGE_S = 430 * 86_400
RETRY_AGE_S = 490 * 86_400
RETENTION_MIN_S = 60
RETENTION_S = 30 * 86_400
EXPIRES_MIN_S = 1  # From the due time to the expiry; the most is HORIZON_S. A message takes some of a second.
MAX_ATTEMPTS = 50
# Of what an attempt logs: its first and last lines, bytes of a message, and of all: each KB takes a write unit.
LOG_FIRST_LINES = 50
LOG_LAST_LINES = 150
LOG_MESSAGE_BYTES = 2048
LOG_BYTES = 16 * 1024
TIMEOUT_S = 12 * 3600
# What a worker function keeps of its time to interrupt and record what it ran; the rest is the longest attempt.
WORKER_RESERVE_S = 3
LEASE_MIN_S = 2
LEASE_MAX_S = 3600
BACKOFF_CAP_S = 86_400
# Times are kept in milliseconds: a shorter one is none.
BACKOFF_MIN_S = 0.001
BACKOFF_FACTOR_MAX = 100
# A job whose worker died this often without a word is dead (guarantee G10).
MAX_LOST = 3
# Processes of suspects that a worker runs at once: each is an interpreter with the application, about 100 MB.
ISOLATED_AT_ONCE = 5
# A worker without room returns a suspect's message this often, hidden for so long each time; then the message waits,
# unless this many do, and after the last time in any case: SQS gives up after the receives that topology.yaml says.
GIVEN_BACK = 3
SUSPECTS_WAITING = 100
NO_ROOM_VISIBILITY_S = (0, 2, 5, 60, 120, 240, 480)
# What a process of its own gets beyond its job's timeout: to start, to interrupt, to record. Then it is killed.
ISOLATED_EXTRA_S = 60
# After a process died of a job that ran alone, its tenant's jobs of that type run alone this long; types remembered.
DEADLY_S = 600
DEADLY_REMEMBERED = 1000
# A worker in a container returns a message that has waited for a free thread for this long.
PREFETCH_HELD_S = 10
# A message that was received no more often than this, and whose job no worker was lost with, is no suspect.
TRUSTED_RECEIVES = 5
# Time of one validator, of all in a request or tick, and tenants whose validators hung before others' values wait.
VALIDATION_S = 3.0
VALIDATIONS_S = 15.0
HUNG_TENANTS = 2

# --- unique jobs -----------------------------------------------------------------------------------------------
UNIQUE_KEY_BYTES = 255
# Values of a payload that make a key, and how deep they may be.
UNIQUE_PATHS = 10
UNIQUE_PATH_BYTES = 128
# From the due time on, a year and a month: what is due at the horizon has it as well.
UNIQUE_HELD_S = 400 * 86_400
# Each lost round is another submit with the same key that passed; after them a caller is asked to send it again.
UNIQUE_TRIES = 20
# A batch begins with no further job with a unique key after this time: each takes some calls, and the answer must be
# there before the 29 s of API Gateway.
UNIQUE_BATCH_S = 15

# Between fires whose jobs have a unique key: each is made up to two minutes ahead, and a tick may come a minute late.
UNIQUE_FIRES_APART_S = 180
UNIQUE_FIRES = 50  # The next ones, which are looked at.

# --- conflicting writes ----------------------------------------------------------------------------------------
# Rounds of reading, deciding and writing before a request fails; each lost one is another's edit at that moment.
CONFLICT_TRIES = 5
# Two rounds for each dependency whose end arrives meanwhile; what is left is done by the next check.
RELEASE_TRIES = 8
# Batches of a key write its one rate item; this many lose in a row only where more start than it can count.
RATE_TRIES = 20
# Every tick moves on a schedule that fires each second; deciding the fires up to a change takes a round for each plan.
SCHEDULE_TRIES = 25

# --- profiles --------------------------------------------------------------------------------------------------
# Of a tenant, deleted names included, whose versions go on counting: one list reads them all.
PROFILE_NAMES = 200
# The highest version that can be asked for: six digits keep versions in order.
PROFILE_VERSION = 999_999
# How many versions of a profile are kept, apart from those of the last hour: an edit in progress has read one of them.
PROFILE_VERSIONS = 100
PROFILE_VERSION_KEPT_S = 3600
# A process may know a profile for this long: an edit is live everywhere within 10 s, with time to spare.
PROFILE_AGE_MS = 5000
PROFILES_REMEMBERED = 1000  # Of a process; the oldest is forgotten first.

# --- when a schedule fires -------------------------------------------------------------------------------------
CRON_BYTES = 256
SCHEDULE_CRONS = 10  # Each is searched on its own.
EVERY_MIN_S = 1
EVERY_MAX_S = HORIZON_S
# 2200-01-01 in ms: years 1970 to 2199. Before 1970 the IANA database is not kept with the same care.
SCHEDULE_END_MS = 7_258_118_400_000
# After this span without a match the search ends. A 29 February on a certain weekday can be 40 years off.
SCHEDULE_SEARCH_S = 41 * 366 * 86_400
SCHEDULE_EXCLUSIONS = 200  # Ten years of public holidays.
SCHEDULE_EXCLUDED_TIMES = 10  # Each is searched on its own, between any two excluded days.
SCHEDULE_WEEKS_MAX = 52

# --- limits of a key -------------------------------------------------------------------------------------------
# A key's slots are read at once: 100 of them are 20 KB, five read units.
LIMIT_CONCURRENCY = 100
# Of each key there is one item that every start writes: DynamoDB gives a partition 1,000 write units a second.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
LIMIT_RATE_PER_S = 500
LIMIT_RATE_MIN_PER_S = 0.001
# What may start at once after a quiet time: one second's worth.
RATE_BURST_S = 1
# Whole seconds of SQS, clocks that differ by 5 s, and ordinary queueing; a later start takes another token.
RATE_TOKEN_KEPT_S = 10
# A waiting job looks for itself this often: a wake that was lost is healed within three minutes (guarantee G6).
LIMIT_RECHECK_S = 120
# Seconds that a freed slot is reserved for the first waiter: longer than a message takes, short if it is lost.
HANDOVER_S = 60
# Waiters that are read together with the slots; more are served by those who come next.
LIMIT_WAITERS = 10
# Items of limits outlive what they are for by this much.
LIMIT_ITEM_KEPT_S = 7 * 86_400

# --- jobs that wait for others ---------------------------------------------------------------------------------
DEPENDENCIES = 100
# Members of a composite job (nodes of a workflow, items of a forEach), and jobs that an attempt creates by ctx.submit.
MEMBERS_MAX = 1000
SUBMITS_PER_ATTEMPT = 1000
WORKFLOW_EDGES = 10_000
WORKFLOW_DEPTH = 250
WORKFLOW_BYTES = 4 * 1024 * 1024
# Attempts and timeout of a workflow's own job, whatever its profile says: it runs no code of the user.
WORKFLOW_ATTEMPTS = 10
WORKFLOW_TIMEOUT_S = 600
# Errors that an answer names at once, and nodes of a cycle that it names.
WORKFLOW_ERRORS = 20
CYCLE_NODES = 20
# References to results in one payload, and the length of a path.
REFERENCES = 100
REFERENCE_PATH_BYTES = 256
# How many times as large as the result that it is taken from a path may make what it gives.
REFERENCE_GROWTH = 32
# Levels of a path, and steps of all paths of a payload: values looked at or made; about 700,000 a second on a laptop.
REFERENCE_PATH_DEPTH = 50
REFERENCE_STEPS = 250_000
# Seconds until a job with a pending fan-out is checked: the process that records the end runs it, unless it dies.
FAN_OUT_CHECK_S = 60
# Seconds until a waiting job is reconciled first, then at growing intervals: a fallback, its dependencies release it.
WAITING_CHECK_S = 60
WAITING_CHECK_MAX_S = 6 * 3600
# A dependency that is not in the table after this time never will be: the process that was writing it has died.
DEPENDENCY_MISSING_S = 600
# Jobs that an answer names to say whose ends are waited for.
AWAITED_NAMED = 20
# Dependents that are released at a time, and the pieces and the time after which the rest is left to the timer.
FAN_OUT_PAGE = 25
FAN_OUT_PAGES = 100
FAN_OUT_MS = 10_000

# --- timer and worker ------------------------------------------------------------------------------------------
# Calls of a process that wait for AWS side by side: half of the connections that its clients keep (adapters/aws.py).
POOL_THREADS = 16
# Less than a minute: an interval that is counted from within a tick must be over at the next one.
RESCUE_INTERVAL_MIN_S = 50
RESCUE_INTERVAL_MAX_S = 900
# Seconds until a schedule that cannot be read is tried again first.
POSTPONED_MIN_S = 60
# Rescue of pending jobs waits while more messages than this are visible: late is not lost (guarantee G11).
BACKLOG_MESSAGES = 100
# A job of a backed-up queue is looked at again after as long as it has waited; a lost one is found by later messages.
LATE_CHECK_MIN_S = 60
LATE_CHECK_MAX_S = 900
# For a paused job that its resume has missed: clearly longer than LATE_CHECK_MAX_S, so a held job is recognised by it.
HELD_CHECK_MIN_S = 1800
HELD_CHECK_MAX_S = 6 * 3600
# A message is overtaken when one that was sent so much later has been received: standard queues keep no strict order.
OVERTAKEN_MS = 60_000
# Jobs that the timer takes from a queue at a time, tenants in turn. A window that took less than half of WINDOW_MS is
# followed by one of twice the size, up to WINDOW_GROWTH times (some 40 MB); a tick keeps twice WINDOW_MS to end.
SCAN_WINDOW = 800
WINDOW_GROWTH = 10
WINDOW_MS = 2000
# The first look at a partition, which serves promote and rescue, reads this many entries at most.
FIRST_LOOK = 50
# What one invocation of the timer moves for rescue in a tick, at three write units each: docs/reference/quotas.md.
RESCUE_WRITES = 100_000
# A tick that has worked so long and sees more starts further ones; `reserved_concurrency` (topology) has room for them.
FAN_OUT_AFTER_MS = 2000
TIMERS_AT_ONCE = 8
# Positions in one update: AWS takes expressions of 4 KB and 300 operators.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters
CURSORS_PER_WRITE = 50
# Partitions of a queue's due index: each takes 1,000 write units (see LIMIT_RATE_PER_S) and 3,000 read units a second.
SHARDS_DEFAULT = 8
SHARDS_MAX = 256
# How many there were at most while each had items of its own for the timer's positions.
SHARDS_BEFORE = 16
# Each lower priority counts as so much younger in the timer: low is never more than three times this behind critical.
AGEING_S = 60
# The part of a tick that rescue gets, however much there is to promote.
RESCUE_SHARE = 0.3

# --- pauses and queues -----------------------------------------------------------------------------------------
# The operator's own. Each takes a query of a tick for each shard, and some 180 of LAMBDA_VARIABLES_BYTES.
OWN_QUEUES = 8
QUEUE_TIMEOUT_MIN_S = 10  # Of its worker.
QUEUE_WEIGHT_MAX = 8  # That of critical; each half of it is one rank lower (AGEING_S).
# A worker may know a pause this late; with the time of a claim well within the 5 s that are promised.
PAUSE_CACHE_MS = 2000
# What a resume brings back at once, before it answers; the timer does the rest.
RESUMED_AT_ONCE = 500
RESUME_CALL_S = 5
# Entries of a partition that a resume reads at a time.
RESUME_PAGE = 500
RESUMPTIONS_PER_TICK = 100
# How long after its time a resume that did not take place, as its process died, is forgotten.
RESUME_KEPT_S = 60
# What a process remembers of who is paused and who is not: queues, tenants, and types of tenants.
PAUSES_REMEMBERED = 2000
PAUSE_REASON_BYTES = 256
PAUSE_BY_BYTES = 128
# A tenant, a separator and a group are a MessageGroupId, which has 128 characters at most:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagegroupid-property.html
GROUP_BYTES = 63
# Jobs of a queue that are looked at to find the one that has been due longest.
OLDEST_LOOKED_AT = 40

# --- schedules -------------------------------------------------------------------------------------------------
REASON_BYTES = 256
FIRE_HISTORY_KEPT_S = 90 * 86_400

# --- notifications ---------------------------------------------------------------------------------------------
# A process that ends jobs reads all of them at once, every 5 s at most.
SUBSCRIPTIONS_PER_TENANT = 100
SUBSCRIPTION_CONFIG_BYTES = 4096
SUBSCRIPTION_FILTERS = 20
# Others learn of a change this late; as with profiles.
SUBSCRIPTIONS_AGE_MS = 5000
SUBSCRIBERS_REMEMBERED = 1000
# The names that a job, a profile or a schedule's template gives stand in the hot item.
NOTIFY_NAMES = 10
NOTIFY_BYTES = 160
# Lanes that a tenant's subscriptions share, and deliveries at once in each; under half of the notifier's concurrency.
NOTIFY_LANES = 4
NOTIFY_CONCURRENCY = 5
# Standard Webhooks asks for 15 to 30 s: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
NOTIFY_TIMEOUT_S = 15
# Of an answer, in the delivery log.
NOTIFY_ANSWER_BYTES = 200
# Seconds of failures after which a receiver is disabled. The attempts of one delivery take longer.
FAILING_S = 24 * 3600
# Seconds after a rotation in which both keys sign.
KEY_GRACE_S = 24 * 3600
# Of one gap of a schedule's history; an event says when there were more.
MISSED_COUNTED = 1000
DELIVERIES_PER_PAGE = 50

# --- metrics ---------------------------------------------------------------------------------------------------
# Partitions of what is counted: one takes 1,000 write units a second (see LIMIT_RATE_PER_S), a batch of ten needs one.
COUNTER_SHARDS = 4
# Task types with series of their own, in alphabetical order; 100 in five queues are 1 MB to read at each scrape.
COUNTED_TYPES = 100
# What the API has counted is written once a second at most; what a process then still holds goes with its next request.
COUNT_EVERY_MS = 1000
# Usage is written once a minute, and sooner when it is of so many submits and attempts: all that Lambda can lose.
USAGE_EVERY_MS = 60_000
USAGE_JOBS = 50
# Tenants' types with sums of their own in a month (300 KB, read at once), and how many a process or an answer names.
USAGE_SERIES = 1000
USAGE_NAMED = 100
USAGE_KEPT_S = 400 * 86_400

# --- requests to others ----------------------------------------------------------------------------------------
# RFC 9110 section 4.1 asks everyone to support at least this much.
HTTP_URL_BYTES = 8000
