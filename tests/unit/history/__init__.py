"""Tests of `whendue.history`."""
