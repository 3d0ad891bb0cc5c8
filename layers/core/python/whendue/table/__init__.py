"""Table: keys, items and conditional writes of the one DynamoDB table, as values.

Start with `keys`, then `writes`. Imports support and below.
"""
