"""Times of the API: what RFC 3339 allows is read exactly, everything else is refused, whatever it looks like."""

import pytest

from functions.api.http.times import read
from whendue.support.timestamps import to_timestamp

# Each with its milliseconds since 1970, worked out by hand or by date(1).
READ = {
    "2026-11-23T20:00:00Z": 1_795_464_000_000,
    "2026-11-23t20:00:00z": 1_795_464_000_000,
    "2026-11-23 20:00:00Z": 1_795_464_000_000,
    "2026-11-23T20:00:00+00:00": 1_795_464_000_000,
    # An unknown local offset is still UTC: RFC 3339 section 4.3.
    "2026-11-23T20:00:00-00:00": 1_795_464_000_000,
    "2026-11-23T21:30:00+01:30": 1_795_464_000_000,
    "2026-11-23T19:59:00-00:01": 1_795_464_000_000,
    "2026-11-24T19:59:00+23:59": 1_795_464_000_000,
    "2026-11-22T20:01:00-23:59": 1_795_464_000_000,
    "2026-11-23T20:00:00.5Z": 1_795_464_000_500,
    "2026-11-23T20:00:00.042999Z": 1_795_464_000_043,
    # Rounded up, however small: never early. RFC 3339 has any number of digits.
    "2026-11-23T20:00:00.000000001Z": 1_795_464_000_001,
    "2026-11-23T20:00:00.00000000000001Z": 1_795_464_000_001,
    "2026-11-23T20:00:00.999000000000Z": 1_795_464_000_999,
    "2026-11-23T20:00:00.9990000000001Z": 1_795_464_001_000,
    "1969-12-31T23:59:59.9994Z": 0,
    "1969-12-31T23:59:59.0001Z": -999,
    "1960-02-29T00:00:00Z": -310_521_600_000,
    "2024-02-29T00:00:00Z": 1_709_164_800_000,
    "0001-01-01T00:00:00Z": -62_135_596_800_000,
    "9999-12-31T23:59:59.999Z": 253_402_300_799_999,
    # A leap second, at the end of a month in UTC: the second after it is the next that a clock without them shows.
    "1990-12-31T23:59:60Z": 662_688_000_000,
    "1990-12-31T15:59:60-08:00": 662_688_000_000,
    "2015-06-30T23:59:60.25Z": 1_435_708_800_250,
}
REFUSED = [
    "2026-11-23T20:00:00+01:60",
    "2026-11-23T20:00:00-00:60",
    "2026-11-23T20:00:00+00:99",
    "2026-11-23T20:00:00+24:00",
    "2026-11-23T20:00:00-24:00",
    "2026-11-23T20:00:00+99:59",
    "2026-11-23T20:00:00+0100",
    "2026-11-23T20:00:00+01",
    "2026-11-23T20:00:00+01:00:00",
    "2026-11-23T20:00:00 Z",
    "2026-11-23T20:00:00",
    "2026-11-23T20:00Z",
    "2026-11-23",
    "2026-11-23T24:00:00Z",
    "2026-11-23T20:60:00Z",
    "2026-11-23T20:00:60Z",
    "2026-11-23T23:59:60Z",
    "2026-11-30T23:59:60+01:00",
    "2026-11-23T20:00:61Z",
    "2026-11-23T20:00:00.Z",
    "2026-11-23T20:00:00,5Z",
    "2026-11-23T20:00:00Z\n",
    "\n2026-11-23T20:00:00Z",
    " 2026-11-23T20:00:00Z",
    "2026-11-23T20:00:00Z ",
    "2026-11-23\n20:00:00Z",
    "2026-11-23\t20:00:00Z",
    "2026-11-23\N{NO-BREAK SPACE}20:00:00Z",
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "0000-01-01T00:00:00Z",
    # Their year in UTC has more or less than four digits.
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:59.9999Z",
    "9999-12-31T23:59:60Z",
    "12026-11-23T20:00:00Z",
    "-2026-11-23T20:00:00Z",
    "+2026-11-23T20:00:00Z",
    "2026-W48-1T20:00:00Z",
    "20261123T200000Z",
    "\N{ARABIC-INDIC DIGIT TWO}026-11-23T20:00:00Z",
    "2026-11-2\N{ARABIC-INDIC DIGIT THREE}T20:00:00Z",
    "2026-11-23T20:00:00.\N{DEVANAGARI DIGIT FIVE}Z",
    "2026-11-23T20:00:00+0\N{FULLWIDTH DIGIT ONE}:00",
    "2026-11-23T20:00:00\N{MINUS SIGN}01:00",
    "2026-11-23T20:00:00." + "0" * 64 + "Z",
    "2026-11-23T20:00:00.\ud800Z",
    "",
    "now",
]


@pytest.mark.parametrize("text", READ)
def test_a_time_is_read_to_the_millisecond(text: str) -> None:
    """And what was read can be written."""
    assert read(text) == READ[text]
    assert read(to_timestamp(READ[text]) or "") == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_time_is_refused(text: str) -> None:
    """With what to send instead, or what is wrong with it."""
    with pytest.raises(
        ValueError,
        match=r"as in 2026-11-23T20:00:00Z|day that does not exist|second 60, which exists only|between the years",
    ):
        read(text)


def test_every_year_is_written_with_four_digits() -> None:
    """As RFC 3339 has it, also where the C library would leave zeros away."""
    assert to_timestamp(-62_135_596_800_000) == "0001-01-01T00:00:00.000Z"
    assert to_timestamp(1) == "1970-01-01T00:00:00.001Z"
    assert to_timestamp(None) is None
