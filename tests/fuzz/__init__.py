"""The API fuzzed over HTTP from its own description: `make fuzz`."""
