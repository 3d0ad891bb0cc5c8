"""The real services and handlers in a virtual world in which everything that can fail does."""
