"""Pauses of queues, tenants and task types.

Start with `model`, then `service`. Imports notifications and below.
"""
