"""Channels by which notifications are sent, one file each."""
