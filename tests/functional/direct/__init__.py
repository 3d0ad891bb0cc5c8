"""Tests of direct mode on a whole whendue in memory, and on an emulated table."""
