"""Load against a deployed stack over its HTTP API. docs/operations/load.md says how."""
