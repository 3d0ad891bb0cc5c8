"""Routes of bulk operations.

Imports what `functions.api.routes` may.
"""
