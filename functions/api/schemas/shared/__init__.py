"""What several requests share: names, numbers, policies, and the query parameters of lists.

Imports `functions.api.schemas.base`; every schema may import it.
"""
