"""Channels by which notifications are sent, one file each.

Start with `webhook`. Imports mail and below.
"""
