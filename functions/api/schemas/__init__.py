"""Schemas of requests and replies, by noun.

Start with `job_requests` and `job_replies`; `base` is what all requests share.
"""
