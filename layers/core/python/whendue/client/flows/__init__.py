"""What a client does in several steps, without I/O: send with retries, wait, submit many jobs.

Start with `sending`. Imports the actions, requests and tokens of the client and below.
"""
