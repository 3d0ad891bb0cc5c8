"""Support: clock, secret, text, timestamps, a time limit for code of users, a cache with a time to live.

Any module is an entry. Imports the errors and quotas and below.
"""
