"""Limits of the tasks and channels that whendue ships, and of what they ask others.

Sizes are bytes of UTF-8; times are seconds (`_S`).
"""

# --- shipped tasks ---------------------------------------------------------------------------------------------
HTTP_HEADERS = 50
HTTP_HEADER_NAME_BYTES = 128
HTTP_HEADER_VALUE_BYTES = 4096
HTTP_TIMEOUT_S = 30
# No function runs longer: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
HTTP_TIMEOUT_MAX_S = 900
# Interim answers (1xx) that are read before the final one.
HTTP_INTERIM_ANSWERS = 20
# What is kept of an answer; more is neither read nor stored.
ANSWER_BODY_BYTES = 64 * 1024
ANSWER_HEADER_BYTES = 1024
# A server may ask us to wait, but not without an end.
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
