"""One suite of assertions for every adapter of a port: memory, moto, MiniStack, DynamoDB Local."""
