"""Channels by which subscriptions are told, one file each."""
