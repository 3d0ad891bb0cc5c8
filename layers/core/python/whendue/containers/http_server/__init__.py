"""HTTP for `whendue api`: requests become the events of an API Gateway's HTTP API, within the bounds that it has.

`server.py` is the service. It is handed the handler that answers events, since `functions` stand above this package.
"""
