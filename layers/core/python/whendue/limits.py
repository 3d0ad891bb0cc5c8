"""Every limit in one table: AWS's with the page it comes from, and our own with the reason.

Sizes are bytes of UTF-8; times are seconds (`_S`) unless the name says otherwise.
"""

# --- AWS's numbers ---------------------------------------------------------------------------------------------
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
SQS_MAX_DELAY_S = 900
SQS_MAX_BATCH = 10
SQS_MAX_BATCH_BYTES = 1024 * 1024
SQS_MAX_VISIBILITY_S = 43_200
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html and API_BatchExecuteStatement
DYNAMODB_MAX_STATEMENTS = 25
DYNAMODB_MAX_BATCH_GET = 100
# A write unit covers 1 KB: .../developerguide/read-write-operations.html#write-operation-consumption
WRITE_UNIT_BYTES = 1024

# --- the hot item ----------------------------------------------------------------------------------------------
# Claim and finish add times and a small result to what submit wrote; this room keeps the item within one write unit.
HOT_ITEM_RESERVE_BYTES = 140
PAYLOAD_INLINE_BYTES = 400
RESULT_INLINE_BYTES = 400
# Under DynamoDB's 400 KB an item, with room for its keys; larger goes to S3.
PAYLOAD_ITEM_BYTES = 256 * 1024
ERROR_MESSAGE_BYTES = 256
PROGRESS_BYTES = 128

# --- a request -------------------------------------------------------------------------------------------------
# A Lambda event holds 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
BODY_BYTES = 5 * 1024 * 1024
JSON_DEPTH = 32
TOKEN_BYTES = 8192
PAYLOAD_BYTES = 1024 * 1024
RESULT_BYTES = 1024 * 1024
BULK_JOBS = 500
PAGE_DEFAULT = 50
PAGE_MAX = 200
# Items that one list call may read before it answers with a short page and a cursor.
LIST_READS = 1000
LIST_QUERIES = 200
TAGS = 10
TAG_KEY_BYTES = 32
TAG_VALUE_BYTES = 64
TAGS_BYTES = 256
TYPE_BYTES = 64
NAME_BYTES = 64
IDEMPOTENCY_KEY_BYTES = 255
CURSOR_BYTES = 8192
REDRIVE_JOBS = 500
REDRIVE_RATE_PER_S = 1000

# --- a job -----------------------------------------------------------------------------------------------------
HORIZON_S = 366 * 86_400
# A payload of its own is kept this long after the job's due time and retention; failed attempts likewise.
PAYLOAD_KEPT_S = 60 * 86_400
# Older jobs are not redriven: S3 forgets payloads after 500 days (infra/topology.yaml).
REDRIVE_AGE_S = 430 * 86_400
RETENTION_S = 30 * 86_400
# Together below PAYLOAD_KEPT_S: no job outlives its payload by retrying.
MAX_ATTEMPTS = 50
TIMEOUT_S = 12 * 3600
LEASE_MIN_S = 2
LEASE_MAX_S = 3600
BACKOFF_CAP_S = 86_400
# A job whose worker died this often without a word is dead (guarantee G10).
MAX_LOST = 3

# --- timer and worker ------------------------------------------------------------------------------------------
RESCUE_INTERVAL_MIN_S = 60
RESCUE_INTERVAL_MAX_S = 900
# Rescue of pending jobs waits while more messages than this are visible: late is not lost (guarantee G11).
BACKLOG_MESSAGES = 100
RESCUES_PER_PARTITION = 500
AGENDA_PAGE = 200

# --- schedules -------------------------------------------------------------------------------------------------
# Creating one counts them: so many are read at most.
SCHEDULES_PER_TENANT = 1000
# Each tick writes the item; a unit covers 1 KB, so a large definition is paid for with each fire.
SCHEDULE_BYTES = 8192
# Far enough from nominal times for the clocks of two processes, which may differ by seconds.
MISFIRE_GRACE_MIN_S = 10
MISFIRE_GRACE_MAX_S = 3600
MISFIRE_CATCH_UP = 100
# At least the 180 that one fire each second gives: 60 s of grace and 120 s of look-ahead.
FIRES_PER_PLAN = 200
SCHEDULES_PER_PAGE = 25
JITTER_MAX_S = 3600
PAUSE_AFTER_FAILURES = 100
REASON_BYTES = 256
LEDGER_KEPT_S = 90 * 86_400
# Items that one page of the ledger may read before it is given short, with a cursor.
LEDGER_READS = 1000
PREVIEW_FIRES = 100
BACKFILL_FIRES = 10_000
BACKFILL_CHUNK = 100
BACKFILL_CHUNKS_PER_TICK = 10
# A request of a process that died or was given up on takes effect within this time, or never.
IN_FLIGHT_S = 180

# --- shipped tasks ---------------------------------------------------------------------------------------------
# RFC 9110 section 4.1 asks everyone to support at least this much.
HTTP_URL_BYTES = 8000
HTTP_HEADERS = 50
HTTP_HEADER_NAME_BYTES = 128
HTTP_HEADER_VALUE_BYTES = 4096
HTTP_TIMEOUT_S = 30
# No function runs longer: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
HTTP_TIMEOUT_MAX_S = 900
# What is kept of an answer; more is neither read nor stored.
ANSWER_BODY_BYTES = 64 * 1024
ANSWER_HEADER_BYTES = 1024
# A server may ask for patience, not for for ever.
RETRY_AFTER_MAX_S = 6 * 3600
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html (recipients in To, Cc and Bcc together)
EMAIL_RECIPIENTS = 50
# RFC 5321 section 4.5.3.1.1 and .3 (a path of 256 octets, less its angle brackets).
EMAIL_LOCAL_PART_BYTES = 64
EMAIL_ADDRESS_BYTES = 254
# RFC 5322 section 2.1.1: the longest line.
EMAIL_SUBJECT_BYTES = 998
# An address with a name before it; SES gives none.
EMAIL_MAILBOX_BYTES = 400
