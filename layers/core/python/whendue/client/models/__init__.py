"""What the API answers with, as frozen dataclasses. Members that a newer server adds are ignored.

Start with `jobs`. Imports the client's `json_values` alone.
"""
