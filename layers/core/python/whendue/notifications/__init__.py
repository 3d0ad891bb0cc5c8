"""Notifications: subscriptions, events, and deliveries, which are jobs.

Start with `publisher`; `sender` is what the tasks of channels call. Imports operations and below.
"""
