"""Load against a deployed stack over its HTTP API. docs/load.md says how."""
