"""The table on DynamoDB: statements, attribute values, indexes.

Start with `store`. Imports engine and below.
"""
