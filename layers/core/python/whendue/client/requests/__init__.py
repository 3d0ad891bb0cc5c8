"""The requests of all operations: pure functions from arguments to requests, named by their operationIds.

Start with `jobs`. Imports the inputs, models and messages of the client and below.
"""
