"""Tests of the processes of `whendue dev`, and of the wheel."""
