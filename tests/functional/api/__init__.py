"""The API as API Gateway calls it, on memory adapters."""
