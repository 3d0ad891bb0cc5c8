"""Outbound: HTTP requests to addresses that users name, guarded against server-side request forgery.

Start with `client`; `ssrf` decides what may be reached. Imports support and below.
"""
