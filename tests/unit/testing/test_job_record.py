"""whendue.testing.job_record: payloads as JSON, and times with their offset."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from whendue.support.timestamps import EPOCH
from whendue.testing.job_record import json_of, to_ms
from whendue.testing.runs import moment


class Order(BaseModel):
    order_id: int = Field(alias="orderId")
    at: datetime


def test_a_model_is_the_json_that_a_client_would_send() -> None:
    """With the aliases of its fields, also inside of other values."""
    order = Order(orderId=7, at=datetime(2027, 1, 15, tzinfo=UTC))
    assert json_of({"orders": (order,)}) == {"orders": [{"orderId": 7, "at": "2027-01-15T00:00:00Z"}]}


@pytest.mark.parametrize("value", [object(), {1: {2}}, float("nan"), "\ud800"])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    """A submit could not carry it."""
    with pytest.raises(ValueError, match=r"JSON|surrogate"):
        json_of(value)


@given(st.integers(min_value=0, max_value=7_000_000_000_000))
def test_a_time_is_read_back(at_ms: int) -> None:
    """As datetime and as text, in any zone."""
    at = moment(at_ms)
    assert (
        to_ms(at) == to_ms(at.isoformat()) == to_ms(at.astimezone(timezone(timedelta(hours=-9, minutes=30)))) == at_ms
    )


@pytest.mark.parametrize("at", ["", "tomorrow", "2027-01-15", "2027-01-15T08:00:00", EPOCH.replace(tzinfo=None)])
def test_a_time_without_offset_is_refused(at: Any) -> None:
    """It would be another one elsewhere."""
    with pytest.raises(ValueError, match="with its offset"):
        to_ms(at)
