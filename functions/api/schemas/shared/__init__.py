"""What several requests share: names, numbers, policies, query parameters of lists, usage (also in the metrics).

Imports `functions.api.schemas.base`; every schema may import it.
"""
