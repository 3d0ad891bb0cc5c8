"""A deployment's environment."""

from whendue.settings import ALL_QUEUES

ENVIRONMENT = {
    "WHENDUE_TABLE": "t",
    "WHENDUE_BUCKET": "b",
    "WHENDUE_QUEUES": "{" + ",".join(f'"{queue}":"u"' for queue in ALL_QUEUES) + "}",
    "WHENDUE_DEAD_LETTER_QUEUE": "u",
}
