"""Clients generated from the OpenAPI document, for Python and TypeScript, against the API over HTTP: `make clients`."""
