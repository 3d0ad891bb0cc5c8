"""What every HTTP request passes: event, body, scopes, entity tags, problem details, OpenAPI.

Start with `gateway_event`, then `body` and `caller`.
"""
