"""What requests and answers of bulk operations look like.

Imports what `functions.api.schemas` may.
"""
