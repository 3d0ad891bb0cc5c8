"""What other schedulers write for times, and what to write here: for errors that say so.

EventBridge: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html; `CRON_TZ=` and `@every`:
https://pkg.go.dev/github.com/robfig/cron/v3; the year: http://www.quartz-scheduler.org/documentation/quartz-2.3.0/tutorials/crontrigger.html
"""

import re
from typing import Final

from whendue.schedules.calendar import time_zones as zones

_AMOUNT: Final = r"([0-9]{1,9}) ?([a-z]{1,7}),?(?: |$)?"
_AMOUNTS: Final = re.compile(rf"(?:{_AMOUNT}){{1,6}}")
_EACH_AMOUNT: Final = re.compile(_AMOUNT)
# In the order in which ISO 8601 wants them; months are none, as they differ in length.
_UNITS: Final = {
    "W": ("w", "week", "weeks"),
    "D": ("d", "day", "days"),
    "H": ("h", "hr", "hrs", "hour", "hours"),
    "M": ("m", "min", "mins", "minute", "minutes"),
    "S": ("s", "sec", "secs", "second", "seconds"),
}
_LETTER: Final = {word: letter for letter, words in _UNITS.items() for word in words}
_ISO: Final = re.compile(r"p[0-9wdthms]{1,30}")
_WRAPPED: Final = re.compile(r"(cron|rate|at)\((.*)\)")
_ZONE: Final = re.compile(r"(?:cron_)?tz=(\S*)(?: .*)?")
_YEAR: Final = re.compile(r"(?:19|20|21)[0-9]{2}(?:[-/,][0-9]{1,4})*")
_FIVE, _SIX, _SEVEN = 5, 6, 7
_HOUR_OF_SIX, _MONTH_OF_SIX = 2, 4


def duration(text: str) -> str | None:
    """Write a duration as ISO 8601: of `5m`, `1h30m`, `5 minutes`, `90` (seconds); None if it is none.

    Args:
        text: at most a few hundred characters.
    """
    text = text.strip().lower()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return f"PT{int(text)}S"
    if not _AMOUNTS.fullmatch(text):
        return None
    parts = [(_LETTER.get(unit), int(number)) for number, unit in _EACH_AMOUNT.findall(text)]
    letters = [letter for letter in _UNITS if letter in dict(parts)]
    if [letter for letter, _ in parts] != letters:
        return None
    days, times = (
        [f"{dict(parts)[letter]}{letter}" for letter in letters if letter in group] for group in ("WD", "HMS")
    )
    return "P" + "".join(days) + ("T" + "".join(times) if times else "")


def interval_instead(text: str) -> str:
    """Return how to write an interval: with its duration if that is known, else with an example."""
    known = duration(text)
    return f'send "every": "{known}" instead of cron' if known else 'send "every", as in "every": "PT5M"'


def foreign_cron(text: str) -> str | None:
    """Explain an expression in another scheduler's notation; None if it is not known as one.

    Args:
        text: trimmed, in lower case, of printable ASCII.
    """
    if match := _WRAPPED.fullmatch(text):
        return _eventbridge(match[1], match[2])
    if match := _ZONE.fullmatch(text):
        return f"must not have a time zone; {_zone_instead(match[1])}"
    if text == "@reboot":
        return "does not support @reboot; submit a job when your program starts"
    return _interval(text) or _behind_five(text.split())


def _interval(text: str) -> str | None:
    if text.startswith("@every"):
        return f"does not support @every; {interval_instead(text.removeprefix('@every'))}"
    if _ISO.fullmatch(text):
        return f'is not an interval; send "every": "{text.upper()}" instead of cron'
    if duration(text) or text.startswith("every "):
        return f"is not an interval; {interval_instead(text.removeprefix('every '))}"
    return None


def _eventbridge(kind: str, inside: str) -> str:
    if kind == "rate":
        return f"is EventBridge's rate( ); {interval_instead(inside)}"
    if kind == "at":
        return 'is EventBridge\'s at( ); send "at", as in "at": "2026-12-24T18:00:00Z", instead of cron'
    return (
        "is EventBridge's notation; write it without cron( ) and its last field, the year "
        "(start and end are fields of the schedule), and mind that 1 is Monday here"
    )


def _behind_five(parts: list[str]) -> str | None:
    """Explain what stands behind five fields, or in places where six have it elsewhere."""
    extra = parts[_FIVE:]
    if not extra:
        return None
    if extra[0].startswith("/"):
        return "is a line of a crontab with a command; send the five fields only; the schedule's job says what runs"
    if zone := zones.spelt(extra[-1]):
        return f"must not have a time zone; {_zone_instead(zone.lower())}"
    if len(parts) == _SEVEN:
        return (
            "has seven fields; take five (minute, hour, day of month, month, day of week), or six with the second "
            "first; instead of a year, send start and end"
        )
    return _six(parts) if len(parts) == _SIX else None


def _six(parts: list[str]) -> str | None:
    if "?" in (parts[_HOUR_OF_SIX], parts[_MONTH_OF_SIX]):
        return (
            "seems to be EventBridge's six fields; leave the last one, the year, away "
            "(start and end are fields of the schedule), and mind that 1 is Monday here"
        )
    if _YEAR.fullmatch(parts[-1]):
        return "has a year, which is not a field; leave it out, and send start and end"
    return None


def _zone_instead(text: str) -> str:
    zone = zones.spelt(text)
    return f'send "timezone": "{zone}"' if zone else 'send it as "timezone", as in "timezone": "Europe/Berlin"'
