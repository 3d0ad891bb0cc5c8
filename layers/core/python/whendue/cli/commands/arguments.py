"""Arguments that several commands take: JSON, tags, times and durations."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from whendue.cli.failures import UsageProblemError
from whendue.errors import InvalidScheduleError
from whendue.quotas import BODY_BYTES
from whendue.schedules.calendar import durations, notations
from whendue.support.clock import system_clock
from whendue.support.timestamps import instant

STDIN: Final = "-"


def file_text(path: str) -> str:
    """Read a file, or standard input if its name is `-`; as much as the API takes in a request.

    Raises:
        UsageProblemError: it cannot be read, is too large, or is not UTF-8.
    """
    name = "standard input" if path == STDIN else path
    try:
        if path == STDIN:
            content = sys.stdin.buffer.read(BODY_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(BODY_BYTES + 1)
        if len(content) > BODY_BYTES:
            raise UsageProblemError(f"{name} has more than {BODY_BYTES} bytes")
        return content.decode()
    except OSError as error:
        raise UsageProblemError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageProblemError(f"{name} is not UTF-8") from None


def json_of(text: str, option: str) -> Any:
    """Read JSON: of an option itself, of a file (`@path`), or of standard input (`@-`).

    Raises:
        UsageProblemError: it is not JSON.
    """
    content = file_text(text[1:]) if text.startswith("@") else text
    return parsed(content, option)


def parsed(content: str, name: str) -> Any:
    """Read JSON.

    Raises:
        UsageProblemError: it is not JSON; the error says where.
    """
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise UsageProblemError(f"{name} is not JSON: {error.msg} in line {error.lineno}, {error.colno}") from None
    except (RecursionError, ValueError):
        raise UsageProblemError(
            f"{name} is not JSON that can be read: nested too deeply, or a number too long"
        ) from None


def tags_of(texts: list[str] | None) -> dict[str, str] | None:
    """Read tags, `name=value` each.

    Raises:
        UsageProblemError: one has no `=`, or a name comes twice.
    """
    tags: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name or name in tags:
            raise UsageProblemError(f"--tag {text}: write name=value, each name once")
        tags[name] = value
    return tags or None


def time_of(text: str | None, option: str) -> datetime | None:
    """Read a time with its offset.

    Raises:
        UsageProblemError: it is none, or has no offset.
    """
    if text is None:
        return None
    at = instant(text)
    if at is None:
        raise UsageProblemError(f"{option} {text}: write a time with its offset, as in 2026-11-23T20:00:00Z")
    return at


def seconds_of(text: str, option: str) -> int:
    """Read a duration: ISO 8601 (`PT15M`), `15m`, `1h30m`, `7d`, or seconds.

    Raises:
        UsageProblemError: it is none.
    """
    try:
        return durations.seconds(notations.duration(text[:64]) or text[:64])
    except InvalidScheduleError:
        raise UsageProblemError(f"{option} {text}: write a duration, as in 15m, 1h30m or PT15M") from None


def expiry_of(text: str | None, option: str) -> tuple[datetime | None, int | None]:
    """Read an expiry: the time itself, with its offset, or the duration from the due time to it, seconds.

    Raises:
        UsageProblemError: it is neither.
    """
    if text is None:
        return None, None
    if at := instant(text):
        return at, None
    try:
        return None, seconds_of(text, option)
    except UsageProblemError:
        raise UsageProblemError(f"{option} {text}: write a duration, as in 15m, or a time with its offset") from None


def end_of(duration: str, option: str) -> datetime:
    """Return the time when a duration that begins now is over, UTC.

    Raises:
        UsageProblemError: it is no duration.
    """
    return datetime.fromtimestamp(system_clock().now_ms() / 1000, UTC) + timedelta(seconds=seconds_of(duration, option))
