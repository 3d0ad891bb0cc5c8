"""AWS's limits, each with the page it comes from, and what of them a job's hot item may use.

Sizes are bytes; times are seconds (`_S`).
"""

# --- AWS's numbers ---------------------------------------------------------------------------------------------
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
SQS_MAX_DELAY_S = 900
# .../sqs-short-and-long-polling.html
SQS_MAX_WAIT_S = 20
SQS_MAX_BATCH = 10
SQS_MAX_BATCH_BYTES = 1024 * 1024
SQS_MAX_VISIBILITY_S = 43_200
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html and API_BatchExecuteStatement
DYNAMODB_MAX_STATEMENTS = 25
DYNAMODB_MAX_BATCH_GET = 100
# .../developerguide/Constraints.html: an item with its names, keys, and how deep maps may be nested.
DYNAMODB_ITEM_BYTES = 400 * 1024
DYNAMODB_PARTITION_KEY_BYTES = 2048
DYNAMODB_SORT_KEY_BYTES = 1024
# 32 levels, of which AWS's own engine (DynamoDB Local) counts the attribute as one where an item is put alone.
DYNAMODB_MAX_DEPTH = 31
# .../developerguide/HowItWorks.NamingRulesDataTypes.html: 1E-130 to 9.99...E+125, of either sign, and 0.
DYNAMODB_NUMBER_DIGITS = 38
DYNAMODB_NUMBER_MIN_EXPONENT = -130
DYNAMODB_NUMBER_MAX_EXPONENT = 125
# A write unit covers 1 KB: .../developerguide/read-write-operations.html#write-operation-consumption
WRITE_UNIT_BYTES = 1024
# All variables of a function, as JSON: the error of Lambda's API shows the text that it has measured.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_VARIABLES_BYTES = 4096

# --- the hot item ----------------------------------------------------------------------------------------------
# Claim and finish add times and a small result to what submit wrote; this room keeps the item within one write unit.
HOT_ITEM_RESERVE_BYTES = 140
PAYLOAD_INLINE_BYTES = 400
RESULT_INLINE_BYTES = 400
# Under DynamoDB's 400 KB an item, with room for its keys; larger goes to S3.
PAYLOAD_ITEM_BYTES = 256 * 1024
ERROR_MESSAGE_BYTES = 256
# More would take a further write unit of most jobs that fail: with each of them, at most one more.
ERROR_STACK_BYTES = 512
ERROR_CAUSES_BYTES = 512
# As long as the names that a policy can list as never retried.
ERROR_TYPE_BYTES = 160
PROGRESS_BYTES = 128
