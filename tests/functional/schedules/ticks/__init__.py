"""Tests of `whendue.schedules.ticks`."""
